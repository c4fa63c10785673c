"""What the first stage said of a candidate, as features."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..ranking import Candidates, Scores

FEEDBACK = (3, 10)
"""Best hits of the fusion whose mean vector candidates are compared with."""


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


def feedback_features(candidates: Candidates, vectors: npt.NDArray[np.float32], out: Scores) -> None:
    """Write how near each candidate is to the best hits of the fusion, itself left out, to the first columns of `out`.

    Rocchio 1971 with the best hits taken for relevant: a passage that no word and no vector of the query finds well,
    but that says what the best hits say, rises.

    Args:
        candidates: in any order; `fused_rank` says which are the best, or the order where there is none.
        vectors: of the candidates, each of length 1: float32[n, dimension].
        out: float32[n, at least 2].
    """
    rank = candidates.features.get("fused_rank")
    order = np.arange(len(candidates)) if rank is None else np.argsort(rank, kind="stable")
    best = order[: max(FEEDBACK)]
    # Not `@`: for so little, BLAS would wake threads of its own, which then wait busily for more.
    near = np.einsum("nd,kd->nk", vectors, vectors[best])  # float32[n, 10 at most]
    for column, count in enumerate(FEEDBACK):
        heads = best[:count]
        sums = near[:, : len(heads)].sum(axis=1)
        # The length of a sum of vectors follows from their products with each other.
        among = near[heads][:, : len(heads)]
        length = np.full(len(vectors), np.sqrt(max(float(among.sum()), 0.0)), np.float32)
        own = np.diagonal(among)
        sums[heads] -= own
        length[heads] = np.sqrt(np.maximum(among.sum() - 2 * among.sum(axis=1) + own, 0))
        out[:, column] = np.divide(sums, length, out=np.full_like(sums, np.nan), where=length > 1e-6)


def _best(score: Scores) -> np.float32:
    known = score[~np.isnan(score)]
    return np.float32(known.max()) if len(known) else np.float32(np.nan)


def _reciprocal(candidates: Candidates, stage: str, out: Scores) -> None:
    rank = candidates.features.get(f"{stage}_rank")
    if rank is not None:
        out[:, 1] = 1 / rank
