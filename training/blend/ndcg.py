"""nDCG@10 of many lists at once, as trec_eval has it: gains are the grades, discounts log2(1 + rank)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

DEPTH = 10
DISCOUNTS = 1 / np.log2(np.arange(DEPTH) + 2)


def ideal_gain(grades: Iterable[int]) -> float:
    """Return the discounted gain of the best order of the grades."""
    best = np.sort(np.clip(np.array(list(grades), np.float64), 0, None))[::-1][:DEPTH]
    return float(best @ DISCOUNTS[: len(best)])


class Lists:
    """Lists of candidates whose nDCG is wanted for many scorings."""

    def __init__(
        self,
        sizes: npt.NDArray[np.int64],
        relevance: npt.NDArray[np.float32],
        ideal: npt.NDArray[np.float64],
        weights: npt.NDArray[np.float64] | None = None,
    ) -> None:
        """Prepare.

        Args:
            sizes: candidates of each list: int64[lists].
            relevance: grades of all candidates, one list's after the other's.
            ideal: `ideal_gain` of what is judged for each list.
            weights: how much each list counts: float64[lists]; None: all the same.
        """
        width = max(DEPTH, int(sizes.max(initial=0)))
        self._there = np.arange(width) < sizes[:, None]
        self._grades = np.zeros(self._there.shape)
        self._grades[self._there] = relevance
        self._ideal = ideal
        self.weights = np.ones(len(sizes)) if weights is None else weights
        """How much each list counts in a mean: float64[lists]."""

    def mean(self, scores: npt.NDArray[np.float64]) -> float:
        """Return the weighted mean of nDCG@10 over the lists."""
        return float(np.average(self.ndcg(scores), weights=self.weights))

    def ndcg(self, scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return nDCG@10 of each list, best score first, equal scores in the order given: float64[lists]."""
        table = np.full(self._there.shape, np.inf)
        table[self._there] = -scores
        # Only what is no worse than the tenth can be among the ten; sorting whole lists would cost five times as much.
        tenth = np.partition(table, DEPTH - 1, axis=1)[:, DEPTH - 1 : DEPTH]
        width = int((table <= tenth).sum(axis=1, where=self._there).max(initial=DEPTH))
        places = np.sort(np.argpartition(table, min(width, len(self._there[0])) - 1, axis=1)[:, :width], axis=1)
        order = np.take_along_axis(
            places, np.argsort(np.take_along_axis(table, places, axis=1), axis=1, kind="stable")[:, :DEPTH], axis=1
        )
        gains = np.take_along_axis(self._grades, order, axis=1) @ DISCOUNTS
        return np.divide(gains, self._ideal, out=np.zeros_like(gains), where=self._ideal > 0)
