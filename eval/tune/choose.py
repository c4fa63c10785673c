"""From many trials to one pipeline: who is worth measuring, and who is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tamis.rankers.config import PipelineConfig

from .scoring import PerQuery
from .timing import Latency
from .trials import Trial

FRONT, OTHERS = 5, 3
"""Trials that are measured: of those that no other beats in both worth and time, and of the rest."""

SLACK = 1.2
"""An estimate may be this far over the target and still be measured."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A pipeline with its values on all training queries and its real latency."""

    config: PipelineConfig
    values: PerQuery
    latency: Latency


def near_front(trials: Sequence[Trial], target_ms: float) -> list[Trial]:
    """Pick the trials whose latency is worth measuring, and the fastest of all.

    Of trials that cost the same (the same arms, depths, breadth and second stage) only the best stands, so that
    few settings meet the queries that choose.
    """
    champions: dict[tuple[object, ...], Trial] = {}
    for trial in trials:
        key = _cost(trial.config)
        if key not in champions or trial.worth.fit > champions[key].worth.fit:
            champions[key] = trial
    fastest = min(champions.values(), key=lambda trial: trial.worth.p95_ms)
    near = [trial for trial in champions.values() if trial.worth.p95_ms <= SLACK * target_ms]
    near.sort(key=lambda trial: (-trial.worth.fit, trial.worth.p95_ms))
    front = [near[place] for place in undominated([(one.worth.fit, one.worth.p95_ms) for one in near])][:FRONT]
    picked = front + [trial for trial in near if trial not in front][:OTHERS]
    return picked if fastest in picked else [*picked, fastest]


def undominated(points: Sequence[tuple[float, float]]) -> list[int]:
    """Return the places of (worth, cost) points that no other equals or beats in both, best worth first."""
    order = sorted(range(len(points)), key=lambda place: (-points[place][0], points[place][1]))
    front: list[int] = []
    for place in order:
        if not front or points[place][1] < points[front[-1]][1]:
            front.append(place)
    return front


def choose(measured: Sequence[Measured], is_fit: npt.NDArray[np.bool_], target_ms: float) -> Measured | None:
    """Choose the best pipeline within the target, by the training queries that were not fitted.

    Returns:
        The one with the greatest mean, of equal ones the fastest; None where all are over the target.
    """
    within = [one for one in measured if one.latency.p95_ms <= target_ms]
    return min(within, key=lambda one: (-one.values[~is_fit].mean(), one.latency.p95_ms), default=None)


def _cost(config: PipelineConfig) -> tuple[object, ...]:
    sparse = config.sparse_depth if "sparse" in config.retrievers else None
    dense = (config.dense_depth, config.ef_search) if "dense" in config.retrievers else None
    reading = (config.rerank, config.rerank_depth) if config.rerank is not None else None
    return config.retrievers, sparse, dense, reading
