"""Tuning from end to end: divide, search, measure, choose, confirm."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from tamis.errors import InvalidInput
from tamis.indexer.progress import Progress
from tamis.indexer.published import PublishedIndex
from tamis.models.digest import sha256_json
from tamis.rankers.assemble import open_blend, open_reader
from tamis.rankers.config import PipelineConfig

from ..judged import Judged
from ..measures import parse_measure
from .bench import Bench, spread, too_slow
from .choose import choose
from .confirm import confirm, decide
from .outcome import Outcome, Request
from .parts import divide
from .scoring import Scorer

TRIALS = "trials.jsonl"
"""What is known of every pipeline that was tried."""


def tune(
    index: PublishedIndex,
    base: PipelineConfig,
    training: Judged,
    held_out: Judged | None,
    request: Request,
    out: Path,
    progress: Progress,
) -> Outcome:
    """Find the best settings within a latency, and confirm them on queries that were not tuned on.

    What an interrupted tuning had tried is kept in `out` and not tried again.

    Args:
        index: what is searched.
        base: the pipeline that is tuned, and compared with: the default.
        training: the split that may be tuned on.
        held_out: the split that confirms; None: a third of `training`.
        request: what is asked.
        out: folder of what was tried; made where there is none.
        progress: shows how far it is.

    Raises:
        InvalidInput: the splits or a value of the request cannot be right, or no pipeline is fast enough.
        NotFound: there is no bundle of the model that the base names for its second stage.
    """
    _check(request)
    if base.cold != "never":
        raise InvalidInput(
            f'pipeline.cold is "{base.cold}": tune with "never", then choose when the cold tier is asked with '
            "`tamis prune gate`"
        )
    measure = parse_measure(request.measure)
    parts = divide(training, held_out, request.queries, request.seed)
    for note in parts.notes:
        progress.note(note)
    out.mkdir(parents=True, exist_ok=True)
    fingerprints = {
        "index": index.manifest.fingerprint,
        "training": parts.training.fingerprint,
        "held_out": parts.held_out.fingerprint,
    }
    with ExitStack() as stack:
        reader = open_reader(base, "cpu")
        if reader is not None:
            stack.callback(reader.close)
            fingerprints["rerank_model"] = reader.fingerprint
        blend = None if base.blend is None else open_blend(index, base.blend)
        if blend is not None:
            fingerprints["blend"] = blend.bundle.fingerprint
        key = sha256_json([fingerprints, parts.is_fit.tolist(), str(measure)])
        pool = stack.enter_context(ThreadPoolExecutor(thread_name_prefix="tamis-tune"))
        bench = Bench(index, base, parts, measure, request, pool, progress, reader, blend)
        trials = bench.try_all(out / TRIALS, key)
        measured = bench.measure_near_front(trials)
        chosen = choose(measured, parts.is_fit, request.target_ms)
        if chosen is None:
            raise too_slow([(one.config, one.latency) for one in measured], request.target_ms)
        judge = Scorer(index, parts.held_out, measure, pool, reader, blend)
        confirmation = confirm(judge, base, chosen.config, spread(parts.held_out.queries), progress)
    verdict = decide(confirmation, request.target_ms, request.force)
    return Outcome(request, parts, fingerprints, trials, measured, confirmation, verdict)


def _check(request: Request) -> None:
    for name, value in (("trials", request.trials), ("queries", request.queries), ("least_depth", request.least_depth)):
        if value < 1:
            raise InvalidInput(f"{name} must be 1 or more, got {value}")
