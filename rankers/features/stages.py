"""What the first stage said of a candidate, as features."""

from __future__ import annotations

import numpy as np

from ..ranking import Candidates, Scores


def sparse_features(candidates: Candidates, out: Scores) -> None:
    """Write score, reciprocal rank and share of the best score to the first columns of `out`."""
    score = candidates.features.get("sparse")
    if score is not None:
        out[:, 0] = score
        best = _best(score)
        out[:, 2] = score / best if best > 0 else np.nan
    _reciprocal(candidates, "sparse", out)


def dense_features(candidates: Candidates, out: Scores) -> None:
    """Write score, reciprocal rank and distance from the best score to the first columns of `out`."""
    score = candidates.features.get("dense")
    if score is not None:
        out[:, 0] = score
        out[:, 2] = _best(score) - score
    _reciprocal(candidates, "dense", out)


def _best(score: Scores) -> np.float32:
    known = score[~np.isnan(score)]
    return np.float32(known.max()) if len(known) else np.float32(np.nan)


def _reciprocal(candidates: Candidates, stage: str, out: Scores) -> None:
    rank = candidates.features.get(f"{stage}_rank")
    if rank is not None:
        out[:, 1] = 1 / rank
