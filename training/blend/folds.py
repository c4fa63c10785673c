"""Folds: parts of the queries to hold out, so that what was memorised about a passage helps nowhere."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

MOST = 0.5
"""Share of the queries beyond which one group of shared passages is too large to be held out whole."""


@dataclass(frozen=True, slots=True)
class Folds:
    """Which part each query is in."""

    of: npt.NDArray[np.int64]
    """int64[queries]."""
    are_apart: bool
    """No relevant passage of one part is relevant in another; not so where nearly all queries share passages."""


def folds(relevant: Sequence[frozenset[Hashable]], count: int, seed: int) -> Folds:
    """Part queries evenly; see `parted`."""
    return parted(relevant, [1.0] * count, seed)


def parted(relevant: Sequence[frozenset[Hashable]], shares: Sequence[float], seed: int) -> Folds:
    """Part queries so that those with a common relevant passage, directly or through others, stay together.

    Args:
        relevant: the relevant passages of each query.
        shares: of the queries that each part gets, about, relative to their sum; above 0.
        seed: of the draw.
    """
    groups = _groups(relevant)
    generator = np.random.default_rng(seed)
    names, sizes = np.unique(groups, return_counts=True)
    if sizes.max() > MOST * len(relevant):
        return Folds(generator.permutation(_dealt(np.ones(len(relevant), np.int64), shares)), False)
    order = generator.permutation(len(names))
    part = np.empty(len(names), np.int64)
    part[order] = _dealt(sizes[order], shares)
    return Folds(part[np.searchsorted(names, groups)], True)


def _dealt(sizes: npt.NDArray[np.int64], shares: Sequence[float]) -> npt.NDArray[np.int64]:
    """Give each in turn to the part that is furthest below its share."""
    filled, wanted = np.zeros(len(shares)), np.array(shares)
    dealt = np.empty(len(sizes), np.int64)
    for place, size in enumerate(sizes):
        dealt[place] = smallest = int((filled / wanted).argmin())
        filled[smallest] += size
    return dealt


def _groups(relevant: Sequence[frozenset[Hashable]]) -> npt.NDArray[np.int64]:
    """Number the groups of queries that hang together: union and find over their passages."""
    leader = list(range(len(relevant)))

    def find(query: int) -> int:
        while leader[query] != query:
            leader[query] = leader[leader[query]]
            query = leader[query]
        return query

    first: dict[Hashable, int] = {}
    for query, passages in enumerate(relevant):
        for passage in passages:
            leader[find(query)] = find(first.setdefault(passage, query))
    return np.array([find(query) for query in range(len(relevant))], np.int64)
