"""Standardised scores: what scores of different stages are mixed as."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .ranking import Scores


def standardised(scores: Scores) -> npt.NDArray[np.float64]:
    """Subtract the mean and divide by the deviation; a NaN, which an earlier stage did not find, becomes the lowest."""
    wide = scores.astype(np.float64)
    known = ~np.isnan(wide)
    standard = np.zeros(len(wide), np.float64)
    if known.any():
        deviation = wide[known].std()
        standard[known] = (wide[known] - wide[known].mean()) / deviation if deviation > 0 else 0.0
        standard[~known] = standard[known].min() if deviation > 0 else -1.0
    return standard
