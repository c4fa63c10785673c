"""One list out of several: reciprocal rank fusion, and the weighted sum of normalised scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .ranking import Candidates, Rows, Scores, descending

STAGE = "fused"
"""Name under which the fused score and rank stand among the features."""


@dataclass(frozen=True, slots=True)
class ReciprocalRankFusion:
    """Sum of w / (k + rank) over the arms that found the passage.

    Cormack, Clarke and Buettcher 2009, "Reciprocal Rank Fusion outperforms Condorcet and individual
    Rank Learning Methods", with a weight for each arm (1 there).
    """

    id_rank: npt.NDArray[np.int32]
    weights: Mapping[str, float]
    k: float = 60.0

    def __call__(self, found: Mapping[str, Candidates], /) -> Candidates:
        """Fuse what the arms found for one query."""
        union = _Union.of(found, self.id_rank)
        total = np.zeros(len(union.rows), np.float64)
        for name, candidates in found.items():
            total[union.places[name]] += self.weights[name] / (self.k + np.arange(1.0, len(candidates) + 1))
        return union.ranked(total)


@dataclass(frozen=True, slots=True)
class WeightedSum:
    """Weighted sum of the arms' normalised scores.

    A passage that an arm did not find counts there as 0 or as that arm's lowest normalised score,
    whichever is less: it would have scored no more.
    """

    id_rank: npt.NDArray[np.int32]
    weights: Mapping[str, float]
    normalise: Callable[[Scores], npt.NDArray[np.float64]]

    def __call__(self, found: Mapping[str, Candidates], /) -> Candidates:
        """Fuse what the arms found for one query."""
        union = _Union.of(found, self.id_rank)
        total = np.zeros(len(union.rows), np.float64)
        for name, candidates in found.items():
            values = np.zeros(len(union.rows), np.float64)
            if len(candidates):
                normalised = self.normalise(candidates.scores)
                values[:] = min(float(normalised.min()), 0.0)
                values[union.places[name]] = normalised
            total += self.weights[name] * values
        return union.ranked(total)


@dataclass(frozen=True, slots=True)
class _Union:
    """The rows that any arm found, by ascending passage id, and the place of each arm's rows among them.

    Whole numbers whose upper half is what to sort by and whose lower half is a place are sorted
    several times faster than NumPy sorts places (`argsort`, `lexsort`, `unique` with its inverse).
    """

    found: Mapping[str, Candidates]
    rows: Rows
    places: dict[str, npt.NDArray[np.int64]]

    @staticmethod
    def of(found: Mapping[str, Candidates], id_rank: npt.NDArray[np.int32]) -> _Union:
        rows = np.concatenate([each.rows for each in found.values()])
        keys = id_rank[rows].astype(np.int64)
        keys <<= 32
        keys |= np.arange(len(rows))
        keys.sort()
        origin = keys & _PLACE
        keys >>= 32
        is_new = np.ones(len(keys), np.bool_)
        np.not_equal(keys[1:], keys[:-1], out=is_new[1:])
        place = np.empty(len(rows), np.int64)
        place[origin] = is_new.cumsum()
        place -= 1
        places, start = {}, 0
        for name, candidates in found.items():
            places[name] = place[start : start + len(candidates)]
            start += len(candidates)
        return _Union(found, rows[origin[is_new]], places)

    def ranked(self, total: npt.NDArray[np.float64]) -> Candidates:
        """Order the rows by `total`, and say what each arm said of them."""
        scores = total.astype(np.float32)
        count = np.arange(len(scores))
        keys = descending(scores)
        keys <<= 32
        keys |= count  # places ascend with the ids
        keys.sort()
        order = keys & _PLACE
        rank = np.empty(len(order), np.int64)
        rank[order] = count
        features = {}
        for name, candidates in self.found.items():
            place = rank[self.places[name]]
            said = np.full((2, len(order)), np.nan, np.float32)
            said[0][place] = candidates.scores
            said[1][place] = np.arange(1, len(candidates) + 1, dtype=np.float32)
            features[name], features[f"{name}_rank"] = said[0], said[1]
        return Candidates(self.rows[order], scores[order], features).with_stage(STAGE)


_PLACE = 0xFFFFFFFF


def minmax(scores: Scores) -> npt.NDArray[np.float64]:
    """Map the lowest score to 0 and the highest to 1; equal scores all to 1."""
    wide = scores.astype(np.float64)
    spread = wide.max() - wide.min()
    return (wide - wide.min()) / spread if spread > 0 else np.ones_like(wide)


def zscore(scores: Scores) -> npt.NDArray[np.float64]:
    """Subtract the mean and divide by the standard deviation; equal scores all become 0."""
    wide = scores.astype(np.float64)
    deviation = wide.std()
    return (wide - wide.mean()) / deviation if deviation > 0 else np.zeros_like(wide)


def maximum(scores: Scores) -> npt.NDArray[np.float64]:
    """Divide by the largest magnitude; zeros stay zeros."""
    wide = scores.astype(np.float64)
    largest = np.abs(wide).max()
    return wide / largest if largest > 0 else wide


def unchanged(scores: Scores) -> npt.NDArray[np.float64]:
    """Leave scores as they are."""
    return scores.astype(np.float64)


NORMALISATIONS: dict[str, Callable[[Scores], npt.NDArray[np.float64]]] = {
    "minmax": minmax,
    "zscore": zscore,
    "max": maximum,
    "none": unchanged,
}
