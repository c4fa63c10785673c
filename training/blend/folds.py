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
    """Part queries so that those with a common relevant passage, directly or through others, stay together.

    Args:
        relevant: the relevant passages of each query.
        count: parts.
        seed: of the draw.
    """
    groups = _groups(relevant)
    generator = np.random.default_rng(seed)
    _, sizes = np.unique(groups, return_counts=True)
    if sizes.max() > MOST * len(relevant):
        return Folds(generator.permutation(np.arange(len(relevant)) % count), False)
    of = np.empty(len(relevant), np.int64)
    filled = np.zeros(count)
    for group in generator.permutation(np.unique(groups)):
        members = groups == group
        smallest = int(filled.argmin())
        of[members] = smallest
        filled[smallest] += members.sum()
    return Folds(of, True)


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
