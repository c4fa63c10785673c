"""The linear mix that a blend's forest starts from: a weighted sum of standardised first-stage scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..ranking import Candidates
from ..standard import standardised


@dataclass(frozen=True, slots=True)
class LinearMix:
    """Weights of first-stage scores; their sum is in the unit of the forest's leaves."""

    weights: Mapping[str, float]

    def score(self, candidates: Candidates) -> npt.NDArray[np.float64]:
        """Add up a query's standardised scores: float64[n]; an arm that was not asked adds nothing."""
        total = np.zeros(len(candidates))
        for name, weight in self.weights.items():
            said = candidates.features.get(name)
            if said is not None:
                total += weight * standardised(said)
        return total
