"""What all trials of a tuning share: cached first stage, estimates, clock, training queries."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path

import orjson
from ir_measures import Measure

from tamis.errors import InvalidInput
from tamis.indexer.progress import Progress
from tamis.indexer.published import PublishedIndex
from tamis.rankers.blend.blend import Blend
from tamis.rankers.config import PipelineConfig
from tamis.rankers.ranking import Query
from tamis.rankers.rerank import Reader

from ..runs import SAMPLE
from .choose import SLACK, Measured, near_front
from .first_stage import FirstStage
from .outcome import Request
from .parts import Parts
from .reading import KeptScores
from .scoring import Scorer, cutoff_of
from .search import search
from .space import Space
from .timing import Estimates, Latency, measure
from .trials import Remembered, Trial, Worth

ROUNDS = 3
"""Times that each query is asked for the latency of a candidate."""

Timed = list[tuple[PipelineConfig, Latency]]


class Bench:
    """Tries pipelines on the training queries."""

    def __init__(
        self,
        index: PublishedIndex,
        base: PipelineConfig,
        parts: Parts,
        measure: Measure,
        request: Request,
        pool: Executor,
        progress: Progress,
        reader: Reader | None = None,
        blend: Blend | None = None,
    ) -> None:
        """Ask the first stage, and time the default and the fastest pipelines: is there any way to the target?

        Raises:
            InvalidInput: the index answers none of the judged passages, or the target is out of reach.
        """
        self._base = base
        self._parts = parts
        self._request = request
        self._progress = progress
        self._reader = reader
        kept = None if reader is None else KeptScores(reader)
        self._scorer = Scorer(index, parts.training, measure, pool, kept, blend)
        self._sample = spread(parts.training.queries)
        least_depth = max(request.least_depth, cutoff_of(measure) or 1)
        self._space = Space.of(base, len(index.dense), index.manifest.dense_kind == "flat", least_depth)
        with progress.phase("encode", len(parts.training.queries), "queries") as report:
            self._first_stage = FirstStage(index, parts.training.queries, self._space.depths[-1], report)
        if base.rerank is not None:
            with progress.phase("read", len(parts.training.queries), "queries") as report:
                self._scorer.read(base, self._first_stage, report)
        self._scorer.check(base, self._first_stage)
        self._estimates = Estimates(index, self._sample, pool)
        found = self._time([base, *self._space.corners()[:3]])
        _, finishing = self._scorer.cached(base, self._first_stage)
        self._estimates.calibrate(base, finishing, found[0][1].p95_ms)
        if min(latency.low_ms for _, latency in found) > request.target_ms:
            raise too_slow(found, request.target_ms)

    def try_all(self, remembered: Path, key: str) -> list[Trial]:
        """Try the default, the corners of the space, then what the search proposes.

        Args:
            remembered: file that keeps what was found.
            key: fingerprint of what decides it.
        """
        evaluate = Remembered(remembered, key, self._worth)
        count, found = self._request.trials, list[Trial]()
        with self._progress.phase("search", count, "trials") as report:
            for config in [self._base, *self._space.corners()][:count]:
                found.append(Trial(config, evaluate(config)))
                report(len(found))
            rest, limit_ms = count - len(found), SLACK * self._request.target_ms
            tried = len(found)
            found += search(
                self._space, evaluate, limit_ms, rest, self._request.seed, lambda done: report(tried + done)
            )
        return found

    def measure_near_front(self, trials: Sequence[Trial]) -> list[Measured]:
        """Measure the real latency of the default and of the trials that may be chosen."""
        near = near_front(trials, self._request.target_ms)
        timed = self._time([self._base, *(trial.config for trial in near)])
        return [Measured(config, self._scorer.cached(config, self._first_stage)[0], found) for config, found in timed]

    def _worth(self, config: PipelineConfig) -> Worth:
        values, finishing = self._scorer.cached(config, self._first_stage)
        fit = float(values[self._parts.is_fit].mean())
        return Worth(fit, float(values.mean()), self._estimates.p95_ms(config, finishing))

    def _time(self, configs: Sequence[PipelineConfig]) -> Timed:
        """Time distinct pipelines, in the order given."""
        distinct = {orjson.dumps(config.model_dump(mode="json")).decode(): config for config in configs}
        uncached = replace(self._scorer, reader=self._reader)
        pipelines = {key: uncached.pipeline(config) for key, config in distinct.items()}
        with self._progress.phase("timing", ROUNDS, "rounds") as report:
            found = measure(pipelines, self._sample, ROUNDS, report)
        return [(distinct[key], latency) for key, latency in found.items()]


def spread(queries: Sequence[Query]) -> Sequence[Query]:
    """Take as many queries as are asked one by one, evenly from the whole."""
    count = min(SAMPLE, len(queries))
    return [queries[place * len(queries) // count] for place in range(count)]


def too_slow(found: Timed, target_ms: float) -> InvalidInput:
    """Make the error that says what the fastest pipeline needs."""
    config, latency = min(found, key=lambda one: one[1].p95_ms)
    return InvalidInput(
        f"no pipeline over this index has a p95 of {target_ms:g} ms here; the fastest found "
        f"({' and '.join(config.retrievers)}) needs {latency.p95_ms:.3g} ms: "
        f"ask for --p95 {1.2 * latency.p95_ms:.3g}ms or more"
    )
