"""Two tiers: the cold one, which holds what was pruned, is asked for the queries of which the hot one is unsure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from .dense import DenseRetriever
from .hits import ColdDecision
from .ranking import Candidates, Query, ranked
from .sparse import SparseRetriever

More = Callable[[Sequence[int]], list[Candidates]]
"""Asks the cold tier for some queries of a batch, by their places."""

CROWD = 100
"""Place of the passage that the best one is compared with: far enough down to be one of many."""

Started = tuple[list[Candidates], More]


class TwoTiers(Protocol):
    """A retriever that can go on to a cold tier."""

    def start(self, queries: Sequence[Query], depth: int, /) -> Started:
        """Return the best hot candidates of each query, and what asks for cold ones."""
        ...


@dataclass(frozen=True, slots=True)
class TwoTierSparse:
    """Words of two tiers; each counts words by itself."""

    hot: SparseRetriever
    cold: SparseRetriever

    def start(self, queries: Sequence[Query], depth: int, /) -> Started:
        """Search the words of the hot tier."""
        return self.hot.retrieve(queries, depth), lambda places: self.cold.retrieve([queries[n] for n in places], depth)


@dataclass(frozen=True, slots=True)
class TwoTierDense:
    """Vectors of two tiers; a query is encoded once."""

    hot: DenseRetriever
    cold: DenseRetriever

    def start(self, queries: Sequence[Query], depth: int, /) -> Started:
        """Encode the queries, and search the hot tier."""
        vectors, allowed = self.hot.encoded(queries), [query.allowed for query in queries]

        def more(places: Sequence[int]) -> list[Candidates]:
            return self.cold.nearest(vectors[list(places)], depth, [allowed[place] for place in places])

        return self.hot.nearest(vectors, depth, allowed), more


def gap(dense: Candidates) -> float:
    """Return how far the best passage of the dense arm stands out: its score less that of the 100th, or of the last.

    The difference leaves out how near everything is to a query, which is another for each. A list of one says nothing
    of that, and has 0.
    """
    return float(dense.scores[0] - dense.scores[min(CROWD, len(dense)) - 1]) if len(dense) else 0.0


@dataclass(frozen=True, slots=True)
class Gate:
    """The rule: a query is unsure, and asks the cold tier, where no hot passage stands out by a threshold: gap < below.

    The spread of the best scores says how well a query is answered (Shtok et al. 2012, "Predicting Query Performance by
    Query-Drift Estimation", has their standard deviation); here it is that of the dense arm, whose scale all queries
    share, and its ends are taken instead.
    """

    below: float | None
    """None: the cold tier is always asked."""

    def decide(self, dense: Sequence[Candidates] | None, queries: int) -> list[ColdDecision]:
        """Say for each query of a batch whether the cold tier is asked; `dense`: what that arm found in the hot one."""
        if self.below is None:
            return [ColdDecision(True, "always")] * queries
        if dense is None:
            return [ColdDecision(False, "no dense arm says how sure the hot tier is", None, self.below)] * queries
        return [self._one(gap(candidates), self.below) for candidates in dense]

    def _one(self, found: float, below: float) -> ColdDecision:
        if found < below:
            return ColdDecision(True, f"unsure: the best hot passage stands out by {found:.4f}", found, below)
        return ColdDecision(False, f"sure: the best hot passage stands out by {found:.4f}", found, below)


def for_any(told: Sequence[ColdDecision]) -> ColdDecision | None:
    """Say in one what was decided for several queries that become one ranking; None: nothing was."""
    if not told:
        return None
    asked = sum(one.asked for one in told)
    return ColdDecision(asked > 0, f"asked for {asked} of {len(told)} queries", None, told[0].below)


@dataclass(frozen=True, slots=True)
class ColdSearch:
    """What a pipeline over two tiers has beside its retrievers, which know the hot one."""

    gate: Gate
    arms: Mapping[str, TwoTiers]
    id_rank: npt.NDArray[np.int32]

    def join(self, hot: Candidates, cold: Candidates, depth: int) -> Candidates:
        """Make one list of both tiers' as one index would: the best scores, and of equal ones the first rows."""
        rows, scores = np.concatenate([hot.rows, cold.rows]), np.concatenate([hot.scores, cold.scores])
        best = np.lexsort((rows, -scores))[:depth]
        return ranked(rows[best], scores[best], self.id_rank)
