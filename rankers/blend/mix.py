"""The linear mix that a blend's forest starts from: a weighted sum of standardised first-stage scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..ranking import Candidates, Scores
from ..standard import standardised


@dataclass(frozen=True, slots=True)
class LinearMix:
    """Weights of first-stage scores and of features; their sum is in the unit of the forest's leaves."""

    weights: Mapping[str, float]

    def score(self, candidates: Candidates, features: Mapping[str, Scores]) -> npt.NDArray[np.float64]:
        """Add up a query's standardised scores: float64[n]; an arm that was not asked adds nothing."""
        total = np.zeros(len(candidates))
        for term in self.terms(candidates, features).values():
            total += term
        return total

    def terms(self, candidates: Candidates, features: Mapping[str, Scores]) -> dict[str, npt.NDArray[np.float64]]:
        """Return what each name adds: float64[n].

        Args:
            candidates: of one query, with the scores of the first stage.
            features: columns of the features, by name.
        """
        said = {**features, **candidates.features}
        return {name: weight * standardised(said[name]) for name, weight in self.weights.items() if name in said}
