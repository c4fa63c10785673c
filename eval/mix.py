"""Mixes runs of the same passages: a weighted sum of each query's standardised scores, and weights learned for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from ir_measures import Measure

from tamis.errors import InvalidInput
from tamis.rankers.standard import standardised

from .measures import score_run
from .relevant import Qrels
from .trec import Run

STEP = 0.05
"""Weights that are tried are multiples of this; they add up to 1."""

GOOD = 0.001
"""Weights whose mean is this near the best are as good: which of them is best is luck."""

Doubles = npt.NDArray[np.float64]
Standard = dict[str, tuple[Sequence[str], Doubles]]


def mix_runs(runs: Sequence[Run], weights: Sequence[float]) -> Run:
    """Order each query's passages by the weighted sum of their scores, each run's standardised over the query.

    A run that lacks one of a query's passages counts its own lowest score for it, as the pipeline's rerank
    stage does.

    Args:
        runs: the first says which queries and passages there are.
        weights: one for each run.

    Raises:
        InvalidInput: there are more or fewer weights than runs, a weight is not finite, or a run
            answers none of the first one's queries.
    """
    _check(runs, weights)
    return _mixed(standard_scores(runs), weights)


def _mixed(standard: Standard, weights: Sequence[float]) -> Run:
    rankings = {}
    for query, (ids, scores) in standard.items():
        total = (scores @ np.asarray(weights, np.float64)).astype(np.float32)
        order = sorted(range(len(ids)), key=lambda place: (-total[place], ids[place]))
        rankings[query] = ([ids[place] for place in order], total[order])
    return Run(rankings, tag="mixed")


def standard_scores(runs: Sequence[Run]) -> Standard:
    """Look up what every run says of the first one's passages.

    Returns:
        By query: ids in the first run's order, and standardised scores, float64[ids, runs].
    """
    found: Standard = {}
    for query, (ids, _) in runs[0].rankings.items():
        columns = []
        for run in runs:
            known = dict(zip(*run.rankings.get(query, ((), ())), strict=True))
            columns.append(standardised(np.array([known.get(id_, np.nan) for id_ in ids], np.float32)))
        found[query] = (ids, np.stack(columns, axis=1))
    return found


def learn_weights(runs: Sequence[Run], qrels: Qrels, measure: Measure) -> tuple[list[float], float]:
    """Try every mixture in steps of 5 % and take the middle of the best ones.

    Args:
        runs: of a split that is for training; their weights are another split's to confirm.
        qrels: its judgments.
        measure: whose mean over the queries shall be high.

    Returns:
        The weights, which add up to 1, and the mean that they reach.
    """
    _check(runs, [1.0] * len(runs))
    queries = sorted(qrels.keys() & runs[0].rankings.keys())
    standard = standard_scores(runs)
    tried = []
    for weights in _mixtures(len(runs)):
        values = score_run(_mixed(standard, weights), qrels, queries, [measure])[str(measure)]
        tried.append((float(values.mean()), weights))
    best = max(value for value, _ in tried)
    good = np.array([weights for value, weights in tried if value >= best - GOOD])
    middle = good.mean(axis=0)
    chosen = good[np.abs(good - middle).sum(axis=1).argmin()].tolist()
    return chosen, next(value for value, weights in tried if weights == chosen)


def _mixtures(runs: int) -> Iterator[list[float]]:
    """Yield all ways to divide 1 among runs in whole steps."""

    def divide(steps: int, parts: int) -> Iterator[list[int]]:
        if parts == 1:
            yield [steps]
            return
        for first in range(steps, -1, -1):
            for rest in divide(steps - first, parts - 1):
                yield [first, *rest]

    whole = round(1 / STEP)
    for parts in divide(whole, runs):
        yield [part / whole for part in parts]


def _check(runs: Sequence[Run], weights: Sequence[float]) -> None:
    if len(runs) != len(weights):
        raise InvalidInput(f"{len(weights)} weights for {len(runs)} runs; expected one for each")
    if not np.isfinite(weights).all() or not any(weights):
        raise InvalidInput(f"weights are {list(weights)}; expected finite numbers, not all 0")
    for place, run in enumerate(runs[1:], start=2):
        if not run.rankings.keys() & runs[0].rankings.keys():
            raise InvalidInput(f"run {place} answers none of the first one's queries: is it of another collection?")
