"""Tiers: what was pruned stays searchable, in a vector and a word index of its own that few queries ask."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from tamis.errors import InvalidInput

from .config import IndexConfig
from .dense import DenseIndex, Vectors
from .quality.store import pruned_rows
from .sparse.engine import SparseIndex

COLD = "cold"
"""Folder of the cold tier's indexes within a version; they are called as those of the hot one are."""

Rows = npt.NDArray[np.int32]
Found = tuple[Rows, Vectors]
"""Rows int32[n] and scores float32[n], best first."""


def check_cold(config: IndexConfig) -> None:
    """Refuse a cold tier that cannot be.

    Raises:
        InvalidInput: nothing is left out, or vectors are those of sentences.
    """
    if not config.quality.cold:
        return
    if not config.quality.leaves_out:
        raise InvalidInput(
            "quality.cold keeps what is left out, and nothing is: set quality.prune (`--prune 0.25`) or "
            "quality.duplicates, or leave out quality.cold (`--cold`)"
        )
    if config.dense.units != "passage":
        raise InvalidInput(
            f'a cold tier has vectors of passages, dense.units is "{config.dense.units}": leave out quality.cold, '
            'or set dense.units to "passage"'
        )


@dataclass(frozen=True, slots=True)
class Tiers:
    """Which passages are in which tier: rows of the whole index, ascending."""

    hot: Rows
    cold: Rows

    @staticmethod
    def read(folder: Path, passages: int) -> Tiers:
        """Say which passages of a version are cold: those that were pruned.

        Args:
            folder: of the version.
            passages: in both tiers.
        """
        cold = pruned_rows(folder)
        return Tiers(np.setdiff1d(np.arange(passages, dtype=np.int32), cold).astype(np.int32), cold)


class TierDense:
    """Searches the vectors of one tier; rows are those of the whole index."""

    def __init__(self, index: DenseIndex, rows: Rows) -> None:
        """Put rows over an open index of as many vectors."""
        self.index = index
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def search(
        self,
        vectors: Vectors,
        depth: int,
        ef_search: int | None = None,
        allowed: npt.NDArray[np.bool_] | None = None,
    ) -> list[Found]:
        """Return the passages of this tier as `DenseIndex.search` does; `allowed` is of all passages."""
        mask = None if allowed is None else allowed[self.rows]
        found = self.index.search(vectors, depth, ef_search, mask)
        return [(self.rows[places], scores) for places, scores in found]


class TieredDense(TierDense):
    """Searches the hot tier, and knows the vectors of both."""

    def __init__(self, hot: DenseIndex, cold: DenseIndex, tiers: Tiers) -> None:
        """Join the open indexes of both tiers."""
        super().__init__(hot, tiers.hot)
        self.cold = TierDense(cold, tiers.cold)
        self._is_cold = np.zeros(len(tiers.hot) + len(tiers.cold), np.bool_)
        self._is_cold[tiers.cold] = True
        self._place = np.empty(len(self._is_cold), np.int32)
        for rows in (tiers.hot, tiers.cold):
            self._place[rows] = np.arange(len(rows), dtype=np.int32)

    def vectors(self, rows: Rows) -> Vectors:
        """Return the stored vectors of `rows`, of whichever tier: float32[n, dimension]."""
        cold = self._is_cold[rows]
        if not cold.any():
            return self.index.vectors(self._place[rows])
        found = np.empty((len(rows), self.index.dimension), np.float32)
        for tier, chosen in ((self.index, ~cold), (self.cold.index, cold)):
            if chosen.any():
                found[chosen] = tier.vectors(self._place[rows[chosen]])
        return found

    def scores(self, rows: Rows, vector: Vectors) -> Vectors:
        """Return what `rows`, of whichever tier, score for one query vector, float32[dimension]: float32[n]."""
        found: Vectors = self.vectors(rows) @ vector
        return found


class TierSparse:
    """Searches the words of one tier, by that tier's own statistics; rows are those of the whole index."""

    def __init__(self, index: SparseIndex, rows: Rows) -> None:
        """Put rows over an open index of as many passages."""
        self._index = index
        self._rows = rows
        self.passages = len(rows)

    def search(self, text: str, depth: int, allowed: npt.NDArray[np.bool_] | None = None, /) -> Found:
        """Return the passages of this tier as `SparseIndex.search` does; `allowed` is of all passages."""
        places, scores = self._index.search(text, depth, None if allowed is None else allowed[self._rows])
        return self._rows[places], scores

    def close(self) -> None:
        """Let go of the files."""
        self._index.close()


@dataclass(frozen=True, slots=True)
class ColdTier:
    """What finds the passages that were pruned."""

    dense: TierDense
    sparse: TierSparse

    def tier_of(self, row: int) -> Literal["hot", "cold"]:
        """Say in which tier a passage is."""
        place = int(np.searchsorted(self.dense.rows, row))
        return "cold" if place < len(self.dense) and self.dense.rows[place] == row else "hot"
