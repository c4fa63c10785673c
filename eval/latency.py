"""Latency: queries asked one at a time, as users ask them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from tamis.rankers.pipeline import Pipeline
from tamis.rankers.ranking import Query

from .runs import SAMPLE

LEAST = 20
"""Queries that are asked however long they take."""

LIMIT = 60.0
"""Seconds after which, LEAST asked, no further query is."""

Milliseconds = npt.NDArray[np.float64]
"""float64[queries]."""

Q = TypeVar("Q")


def latencies(pipelines: Mapping[str, Pipeline], queries: Sequence[Query]) -> dict[str, dict[str, Milliseconds]]:
    """Ask pipelines the same queries, one at a time; return the times of each step, and of all as `total`.

    Each query goes to all pipelines in turns, so that a busy moment of the machine falls on all alike.
    """

    def ask(pipeline: Pipeline) -> Callable[[Query], dict[str, float]]:
        return lambda query: dict(pipeline.run([query]).seconds)

    return time_each({name: ask(pipeline) for name, pipeline in pipelines.items()}, queries)


def time_each(
    contenders: Mapping[str, Callable[[Q], dict[str, float]]], queries: Sequence[Q], most: int = SAMPLE
) -> dict[str, dict[str, Milliseconds]]:
    """Time functions of a query in turns, after one query that warms them up.

    Args:
        contenders: answer a query, and return the seconds of their own steps.
        queries: what to ask; fewer than `most` are asked where that takes more than a minute, but 20 at least.
        most: so many queries at most.

    Returns:
        Milliseconds by contender and step.
    """
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in contenders}
    for contender in contenders.values():
        contender(queries[0])
    begun = time.perf_counter()
    for number, query in enumerate(queries[:most]):
        if number >= LEAST and time.perf_counter() - begun > LIMIT:
            break
        for name, contender in contenders.items():
            start = time.perf_counter()
            steps = contender(query)
            rows[name].append({**steps, "total": time.perf_counter() - start})
    return {
        name: {step: np.array([one[step] for one in found]) * 1e3 for step in found[0]} for name, found in rows.items()
    }
