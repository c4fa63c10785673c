"""Reranks somebody else's run with the texts of its collection; needs no index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from ir_measures import Measure

from tamis.errors import InvalidInput
from tamis.indexer.progress import Progress, Report
from tamis.models.bundle import ModelBundle
from tamis.models.digest import sha256_json
from tamis.rankers.cosine import CosineScorer
from tamis.rankers.ranking import Query
from tamis.rankers.text_scorer import TextScorer

from .cost import Cost, Reading
from .evaluation import FINISHED, System, conclude
from .journal import Finished, Journal
from .judged import Judged, without_excluded
from .latency import LEAST, time_each
from .metrics import Effective, Metrics
from .outcome import Outcome
from .relevant import places_of
from .runs import check_coverage
from .trec import Run

GIVEN, STAGE = "run", "rerank"
"""The stages: the run as it was given, and reranked."""

DEPTH = 100
"""Passages of each query that are reranked unless another depth is asked for."""


@dataclass(frozen=True, slots=True)
class Reranking:
    """A run, a collection and a model."""

    run: Run
    judged: Judged
    bundle: ModelBundle
    scorer: TextScorer
    """What the bundle was opened as."""
    depth: int = DEPTH

    def __post_init__(self) -> None:
        if self.depth < 1:
            raise InvalidInput(f"depth is {self.depth}, expected 1 or more")

    @property
    def queries(self) -> list[Query]:
        """Those that are judged and that the run answers."""
        return [query for query in self.judged.queries if query.id in self.run.rankings]

    def head(self, query: Query) -> Sequence[str]:
        """Return the ids that are reranked for a query."""
        return self.run.rankings[query.id][0][: self.depth]


def rerank(
    given: Run,
    judged: Judged,
    bundle: ModelBundle,
    scorer: TextScorer,
    out: Path,
    measures: Sequence[Measure],
    progress: Progress,
    *,
    name: str,
    depth: int = DEPTH,
) -> Metrics:
    """Rerank the best `depth` passages of each query and write the evaluation to `out`.

    Passages below that depth, and those that the model cannot score, keep their order below the
    reranked ones. A passage that several queries share is encoded once where the model is an encoder.

    Args:
        given: the run.
        judged: queries, judgments, and where the texts are.
        bundle: the model.
        scorer: the model, open.
        out: folder; made where there is none. What an earlier call had finished there is kept.
        measures: what to compute.
        progress: who is told how far it is.
        name: what to call this system.
        depth: how many passages are reranked.

    Raises:
        InvalidInput: the run is of another collection, or names passages that the corpus does not have.
    """
    check_coverage(given, judged.qrels)
    work = Reranking(without_excluded(given, judged), judged, bundle, scorer, depth)
    texts = _read_texts(work, progress)
    system = System(name, Effective(bundle.settings.name, (), (GIVEN, STAGE)), _fingerprints(work, texts))
    out.mkdir(parents=True, exist_ok=True)
    with progress.phase("rerank", len(work.queries), "queries") as report:
        outcome = _answers(work, texts, out / FINISHED, system.key, report)
    timings = _time(work, texts)
    return conclude(system, judged, outcome, timings, measures, out, _warnings(work, outcome))


def _read_texts(work: Reranking, progress: Progress) -> dict[str, str]:
    """Read title and text, joined as they are when an index is built, by passage id."""
    wanted = {id_ for query in work.queries for id_ in work.head(query)}
    with progress.phase("texts", len(wanted), "passages") as report:
        return {id_: found.contents for id_, found in work.judged.texts(wanted, report).items()}


def _fingerprints(work: Reranking, texts: Mapping[str, str]) -> dict[str, str]:
    lists = [(query.id, list(work.run.rankings[query.id][0])) for query in work.queries]
    return {
        "run": sha256_json(lists),
        "texts": sha256_json(sorted(texts.items())),
        "collection": work.judged.fingerprint,
        "pipeline": sha256_json({STAGE: {"depth": work.depth}}),
        f"{STAGE}_model": work.bundle.fingerprint,
    }


def _answers(work: Reranking, texts: Mapping[str, str], partial: Path, key: str, report: Report) -> Outcome:
    scorer = work.scorer.remembering() if isinstance(work.scorer, CosineScorer) else work.scorer
    with Journal(partial, key) as journal:
        for number, query in enumerate(work.queries, start=1):
            if query.id not in journal.done:
                journal.add([(query.id, _answer(work, scorer, query, texts))])
            report(number)
        return Outcome.of(journal.done, work.queries)


def _answer(work: Reranking, scorer: TextScorer, query: Query, texts: Mapping[str, str]) -> Finished:
    ids, head = work.run.rankings[query.id][0], work.head(query)
    before = Reading.take([scorer])
    scores = scorer.score(query.text, [texts[id_] for id_ in head])
    spent = Reading.take([scorer]).since(before)
    ranked, values = reordered(ids, scores)
    places = places_of(work.judged.qrels[query.id], {GIVEN: ids, STAGE: ranked})
    scored = int(np.isfinite(scores).sum())
    return Finished(ranked, values, places, Cost(scored, spent.tokens, spent.cpu_seconds))


def reordered(ids: Sequence[str], scores: npt.NDArray[np.float32]) -> tuple[list[str], npt.NDArray[np.float32]]:
    """Put the first passages of a ranking in the canonical order of new scores; the others follow as they were.

    Args:
        ids: the ranking, best first.
        scores: float32[n] of its first n passages; NaN: not scored, which puts a passage among the others.

    Returns:
        The ids in their new order, and scores: those of the model, then ever 1 less than the one before.
    """
    scored = [place for place in range(len(scores)) if not np.isnan(scores[place])]
    best = sorted(scored, key=lambda place: (-scores[place], ids[place]))
    rest = sorted(set(range(len(ids))) - set(scored))
    values = scores[best]
    lowest = float(values[-1]) if best else 0.0
    below = (lowest - np.arange(1, len(rest) + 1)).astype(np.float32)
    return [ids[place] for place in best + rest], np.concatenate([values, below])


def _time(work: Reranking, texts: Mapping[str, str]) -> dict[str, npt.NDArray[np.float64]]:
    """Ask some queries alone, every passage scored anew."""

    def ask(query: Query) -> dict[str, float]:
        work.scorer.score(query.text, [texts[id_] for id_ in work.head(query)])
        return {}

    total = time_each({STAGE: ask}, work.queries, most=LEAST)[STAGE]["total"]
    return {STAGE: total, "total": total}


def _warnings(work: Reranking, outcome: Outcome) -> list[str]:
    warnings = []
    if work.run.ties:
        warnings.append(f"{work.run.ties} neighbours of the given run have equal scores; their order is trec_eval's")
    asked = sum(len(work.head(query)) for query in work.queries)
    if lost := asked - round(outcome.cost["passages_scored"] * len(work.queries)):
        warnings.append(f"{lost} of {asked} passages could not be scored; they stand below those that were")
    return warnings
