"""PairScores: what a scoring model said of pairs, and what it could not say."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class PairScores:
    """Scores of pairs in the order of the pairs, and what they cost."""

    scores: Scores
    """float32[pairs], higher is more relevant; NaN: not scored, see `failed` and `stopped`."""
    tokens: npt.NDArray[np.int32]
    """int32[pairs]: tokens that the model read; 0: not scored."""
    passages_cut: npt.NDArray[np.bool_]
    """bool[pairs]: the end of the passage did not fit the window."""
    queries_cut: npt.NDArray[np.bool_]
    """bool[pairs]: the end of the query did not fit the window, which is rare."""
    failed: dict[int, str] = field(default_factory=dict)
    """Why a pair could not be scored, by its position."""
    stopped: bool = False
    """The caller's `stop` ended the work before all pairs were scored."""
    smaller_batches: bool = False
    """The GPU ran out of memory, and batches were made smaller."""

    @classmethod
    def empty(cls, pairs: int) -> PairScores:
        """Give scores of which none is there yet."""
        cut = np.zeros(pairs, np.bool_)
        return cls(np.full(pairs, np.nan, np.float32), np.zeros(pairs, np.int32), cut, cut.copy())
