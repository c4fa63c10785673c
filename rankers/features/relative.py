"""Features once more, as they stand among a query's candidates: what means the same in every index."""

from __future__ import annotations

import numpy as np

from ..ranking import Scores

LEAST = 1e-9
"""Deviation below which all candidates are alike."""


def relative(values: Scores) -> Scores:
    """Subtract each column's mean and divide by its deviation, over what is not NaN: float32[n, columns].

    A column without any deviation becomes 0; NaN stays NaN.
    """
    wide = values.astype(np.float64)
    known = ~np.isnan(wide)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, wide, 0).sum(axis=0) / count
    away = np.where(known, wide - mean, 0)
    deviation = np.sqrt((away * away).sum(axis=0) / count)
    scaled = np.divide(away, deviation, out=np.zeros_like(away), where=deviation > LEAST)
    return np.where(known, scaled, np.nan).astype(np.float32)
