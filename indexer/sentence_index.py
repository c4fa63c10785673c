"""SentenceIndex: finds passages by the vectors of their sentences (Chen et al. 2023, "Dense X Retrieval")."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .dense import DenseIndex, Vectors
from .units import Units

Found = tuple[npt.NDArray[np.int32], Vectors]
"""Rows of passages int32[n] and their scores float32[n], best first."""

WIDER = 4
"""Units asked for at first for each passage wanted, and how many times more each time that they are of too few."""


class SentenceIndex:
    """Searches as a `DenseIndex` of passages does; a passage's score is the largest of its sentences'."""

    def __init__(self, index: DenseIndex, units: Units) -> None:
        """Put passages over an open index of their units' vectors, of the same number."""
        self.sentences = index
        self.units = units

    def __len__(self) -> int:
        return self.units.passages

    def search(
        self,
        vectors: Vectors,
        depth: int,
        ef_search: int | None = None,
        allowed: npt.NDArray[np.bool_] | None = None,
    ) -> list[Found]:
        """Return rows and scores of passages for each query vector, best first; equal scores: in the order of rows.

        Four units are asked for at first for each passage wanted, then four times as many each time that they belong to
        too few passages, until there are enough or no unit is left: at most 1 + log4(units / (4 * depth)) searches.

        Args:
            vectors: float32[queries, dimension], unit length.
            depth: how many passages to find; fewer come back where there are fewer.
            ef_search: breadth of the search through HNSW, never less than the units asked for; None: the index' own.
            allowed: which passages may be found, bool[passages]; None: all.
        """
        passages, units = len(self), len(self.units)
        mask = None
        if allowed is not None:
            mask = self.units.expanded(allowed)
            passages, units = int(allowed.sum()), int(mask.sum())
        depth = min(depth, passages)
        return [self._one(vectors[place : place + 1], depth, units, ef_search, mask) for place in range(len(vectors))]

    def _one(
        self, vector: Vectors, depth: int, units: int, ef_search: int | None, mask: npt.NDArray[np.bool_] | None
    ) -> Found:
        asked = min(WIDER * depth, units)
        while True:
            found, scores = self.sentences.search(vector, asked, ef_search, mask)[0]
            rows, best = _best(self.units.parents(found), scores)
            if len(rows) >= depth or asked >= units:
                return rows[:depth], best[:depth]
            asked = min(WIDER * asked, units)

    def vectors(self, rows: npt.NDArray[np.int32]) -> Vectors:
        """Return one vector for each passage, the direction of its sentences' sum: float32[n, dimension], unit length.

        What measures how alike passages are takes it (diversity of hits); searches and scores never do.
        """
        units = self.units.ranges(rows)
        counts = self.units.starts[rows + 1] - self.units.starts[rows]
        each = self.sentences.vectors(units)
        sums = np.add.reduceat(each, np.cumsum(counts) - counts, axis=0) if len(rows) else each
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        found: Vectors = np.divide(sums, lengths, out=np.zeros_like(sums), where=lengths > 0)
        return found

    def scores(self, rows: npt.NDArray[np.int32], vector: Vectors) -> Vectors:
        """Return what passages score for one query vector, float32[dimension], as a search scores them: float32[n]."""
        if not len(rows):
            return np.empty(0, np.float32)
        each = self.sentences.vectors(self.units.ranges(rows)) @ vector
        counts = self.units.starts[rows + 1] - self.units.starts[rows]
        best: Vectors = np.maximum.reduceat(each, np.cumsum(counts) - counts)
        return best


def _best(rows: npt.NDArray[np.int32], scores: Vectors) -> Found:
    """Keep the best unit of each passage, in the order of scores descending, equal ones in that of rows."""
    order = np.lexsort((rows, -scores))
    rows, scores = rows[order], scores[order]
    _, first = np.unique(rows, return_index=True)
    kept = np.sort(first)
    return rows[kept], scores[kept]
