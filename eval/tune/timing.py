"""How long pipelines take: a quick estimate that steers the search, and the real thing that decides."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tamis.indexer.progress import Report
from tamis.indexer.published import PublishedIndex
from tamis.rankers.assemble import assemble
from tamis.rankers.config import PipelineConfig
from tamis.rankers.dense import DenseRetriever
from tamis.rankers.pipeline import Pipeline
from tamis.rankers.ranking import Query

from ..latency import Milliseconds, latencies

Seconds = npt.NDArray[np.float64]
"""float64[queries]."""

ESTIMATED = 50
"""Queries on which times are estimated."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds of queries asked one at a time: medians over rounds, and the range of the rounds' p95."""

    p50_ms: float
    p95_ms: float
    low_ms: float
    high_ms: float


def measure(
    pipelines: Mapping[str, Pipeline], queries: Sequence[Query], rounds: int, report: Report
) -> dict[str, Latency]:
    """Ask every pipeline every query, one at a time, in several rounds; pipelines take turns.

    Args:
        pipelines: what to time, by any name.
        queries: what to ask.
        rounds: how often.
        report: called with the number of rounds done.
    """
    passes = []
    for number in range(rounds):
        passes.append(latencies(pipelines, queries))
        report(number + 1)
    return {name: _latency([one[name]["total"] for one in passes]) for name in pipelines}


def _latency(passes: Sequence[Milliseconds]) -> Latency:
    p50 = [float(np.percentile(one, 50)) for one in passes]
    p95 = [float(np.percentile(one, 95)) for one in passes]
    return Latency(float(np.median(p50)), float(np.median(p95)), min(p95), max(p95))


class Estimates:
    """Guesses a pipeline's p95 from its parts' times; each setting of an arm is timed once.

    Encoding, which is most of the dense arm's time and the same for all settings, is timed once for
    all. The arms run side by side, so the slower one counts. They share processors too, which no
    sum of parts knows: the guesses are scaled to one pipeline that was measured.
    """

    def __init__(self, index: PublishedIndex, queries: Sequence[Query], pool: Executor) -> None:
        """Time the encoding of some queries, one at a time."""
        self._index = index
        self._queries = queries[:ESTIMATED]
        self._pool = pool
        self._vectors = index.encoder.encode([query.text for query in self._queries], "query")
        self._encoding = self._time(lambda place: index.encoder.encode([self._queries[place].text], "query"))
        self._kept: dict[tuple[object, ...], Seconds] = {}
        self._scale = 1.0

    def calibrate(self, config: PipelineConfig, finishing: float, measured_ms: float) -> None:
        """Scale all guesses so that this pipeline's is what was measured."""
        self._scale = 1.0
        self._scale = measured_ms / self.p95_ms(config, finishing)

    def p95_ms(self, config: PipelineConfig, finishing: float) -> float:
        """Guess a pipeline's p95 in milliseconds; `finishing`: seconds of a query after the first stage."""
        slowest = np.max([self._arm(arm, config) for arm in config.retrievers], axis=0)
        return float(np.percentile(slowest + finishing, 95)) * 1e3 * self._scale

    def _arm(self, arm: str, config: PipelineConfig) -> Seconds:
        key = (arm, config.sparse_depth) if arm == "sparse" else (arm, config.dense_depth, config.ef_search)
        if key not in self._kept:
            pipeline = assemble(self._index, config, self._pool)
            retriever, depth = pipeline.retrievers[arm], pipeline.depths[arm]
            if isinstance(retriever, DenseRetriever):
                near, vectors = retriever.nearest, self._vectors
                self._kept[key] = self._encoding + self._time(lambda place: near(vectors[place : place + 1], depth))
            else:
                self._kept[key] = self._time(lambda place: retriever.retrieve([self._queries[place]], depth))
        return self._kept[key]

    def _time(self, ask: Callable[[int], object]) -> Seconds:
        """Time a call for each query: the fastest of three, so that a busy moment of the machine falls out."""
        passes = np.empty((3, len(self._queries)))
        for one in passes:
            for place in range(len(self._queries)):
                start = time.perf_counter()
                ask(place)
                one[place] = time.perf_counter() - start
        fastest: Seconds = passes.min(axis=0)
        return fastest
