"""Checks a model of lower precision: it and the exact one rerank the same run, and are compared query by query."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from ir_measures import Measure

from tamis.errors import InvalidInput
from tamis.indexer.progress import Progress
from tamis.models.bundle import ModelBundle
from tamis.models.session import Device
from tamis.models.settings import Check
from tamis.rankers.text_scorer import open_text_scorer

from .compare import Comparison, compare
from .judged import Judged
from .metrics import Metrics
from .rerank import DEPTH, rerank
from .trec import Run


def check_precision(
    lower: ModelBundle,
    exact: ModelBundle,
    given: Run,
    judged: Judged,
    out: Path,
    measure: Measure,
    progress: Progress,
    *,
    run_name: str,
    depth: int = DEPTH,
    device: Device = "cpu",
) -> tuple[Check, Comparison]:
    """Let both models rerank a run, and compare them.

    Args:
        lower: the model in question.
        exact: the same model in fp32.
        given: whose passages are reranked.
        judged: queries, judgments, and where the texts are.
        out: folder for the two evaluations; what an earlier call had finished there is kept.
        measure: what is compared.
        progress: who is told how far it is.
        run_name: what to call the run.
        depth: passages of each query that are reranked.
        device: where the models run.

    Raises:
        InvalidInput: the models are of different kinds, or `exact` is not fp32.
    """
    if exact.settings.precision != "fp32":
        raise InvalidInput(f"{exact.folder} has precision {exact.settings.precision}; a check is against fp32")
    if lower.settings.kind != exact.settings.kind:
        raise InvalidInput(f"{lower.folder} holds a {lower.settings.kind}, {exact.folder} a {exact.settings.kind}")

    def evaluation(bundle: ModelBundle) -> Metrics:
        name = f"{bundle.settings.name}.{bundle.settings.precision}"
        with closing(open_text_scorer(bundle, device)) as scorer:
            return rerank(given, judged, bundle, scorer, out / name, [measure], progress, name=name, depth=depth)

    (found,) = compare([evaluation(exact), evaluation(lower)])
    check = Check(
        collection=judged.name,
        split=judged.split,
        run=run_name,
        queries=len(judged.queries),
        measure=found.measure,
        against=exact.fingerprint,
        exact=round(found.baseline_mean, 6),
        difference=round(found.difference, 6),
        low=round(found.interval.low, 6),
        high=round(found.interval.high, 6),
        p=round(found.p_randomisation, 6),
        significant_loss=found.outcome == "worse",
    )
    return check, found
