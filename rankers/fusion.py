"""One list out of several: reciprocal rank fusion, and the weighted sum of normalised scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .ranking import Candidates, Rows, Scores, canonical

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
        union = _Union.of(found)
        total = np.zeros(len(union.rows), np.float64)
        for name in found:
            gain = self.weights[name] / (self.k + union.features[f"{name}_rank"].astype(np.float64))
            total += np.nan_to_num(gain, nan=0.0)  # a rank that does not exist adds nothing
        return union.ranked(total, self.id_rank)


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
        union = _Union.of(found)
        total = np.zeros(len(union.rows), np.float64)
        for name, candidates in found.items():
            values = np.zeros(len(union.rows), np.float64)
            if len(candidates):
                normalised = self.normalise(candidates.scores)
                values[:] = min(float(normalised.min()), 0.0)
                values[union.places[name]] = normalised
            total += self.weights[name] * values
        return union.ranked(total, self.id_rank)


@dataclass(frozen=True, slots=True)
class _Union:
    """The rows that any arm found, and each arm's scores and ranks of them."""

    rows: Rows
    places: dict[str, npt.NDArray[np.intp]]
    features: dict[str, Scores]

    @staticmethod
    def of(found: Mapping[str, Candidates]) -> _Union:
        rows, inverse = np.unique(np.concatenate([each.rows for each in found.values()]), return_inverse=True)
        places, features, start = {}, {}, 0
        for name, candidates in found.items():
            place = inverse[start : start + len(candidates)]
            start += len(candidates)
            places[name] = place
            features[name] = np.full(len(rows), np.nan, np.float32)
            features[name][place] = candidates.scores
            features[f"{name}_rank"] = np.full(len(rows), np.nan, np.float32)
            features[f"{name}_rank"][place] = np.arange(1, len(candidates) + 1)
        return _Union(rows, places, features)

    def ranked(self, total: npt.NDArray[np.float64], id_rank: npt.NDArray[np.int32]) -> Candidates:
        scores = total.astype(np.float32)
        order = canonical(self.rows, scores, id_rank)
        return Candidates(self.rows, scores, self.features).take(order).with_stage(STAGE)


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
