"""Query and Candidates: what flows through the pipeline."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int32]
"""Positions of passages in one index: int32[n]."""

Scores = npt.NDArray[np.float32]
"""Scores of passages, higher is better: float32[n]."""


@dataclass(frozen=True, slots=True)
class Query:
    """A question, with the id it has in runs and judgments."""

    id: str
    text: str
    allowed: npt.NDArray[np.bool_] | None = field(default=None, compare=False, repr=False)
    """Which passages may be found: bool[passages]; None: all."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Passages found for one query, best first, with what every stage said of them.

    `features` holds float32[n] by name: `sparse`, `sparse_rank` (1 is best), ... A NaN says that
    the stage did not find the passage; it is never a silent 0.
    """

    rows: Rows
    scores: Scores
    features: dict[str, Scores] = field(default_factory=dict)

    def __post_init__(self) -> None:
        count = len(self.rows)
        for values in (self.scores, *self.features.values()):
            if len(values) != count:
                raise ValueError(f"rows, scores and features must have one length, got {count} and {len(values)}")

    def __len__(self) -> int:
        return len(self.rows)

    def top(self, depth: int) -> Candidates:
        """Keep the best `depth` candidates."""
        if depth >= len(self):
            return self
        features = {name: values[:depth] for name, values in self.features.items()}
        return Candidates(self.rows[:depth], self.scores[:depth], features)

    def take(self, order: npt.NDArray[np.intp]) -> Candidates:
        """Reorder or select candidates by position."""
        features = {name: values[order] for name, values in self.features.items()}
        return Candidates(self.rows[order], self.scores[order], features)

    def with_stage(self, name: str) -> Candidates:
        """Record the present scores and ranks as what stage `name` said."""
        ranks = np.arange(1, len(self) + 1, dtype=np.float32)
        return Candidates(self.rows, self.scores, {**self.features, name: self.scores, f"{name}_rank": ranks})


def ranked(rows: Rows, scores: Scores, id_rank: npt.NDArray[np.int32]) -> Candidates:
    """Make candidates of what an engine found, in canonical order."""
    order = canonical(rows, scores, id_rank)
    return Candidates(rows[order], scores[order])


def canonical(rows: Rows, scores: Scores, id_rank: npt.NDArray[np.int32]) -> npt.NDArray[np.intp]:
    """Order candidates by score descending, ties by passage id ascending.

    Args:
        rows: int32[n].
        scores: float32[n], finite.
        id_rank: int32[passages], the place of each row's id among all ids in ascending order.
    """
    # One sort of whole numbers costs half of `np.lexsort`, and next to nothing where the order is nearly right.
    keys = descending(scores)
    keys <<= 32
    keys |= id_rank[rows]
    return np.argsort(keys, kind="stable")


def descending(scores: Scores) -> npt.NDArray[np.int64]:
    """Map scores to whole numbers of 32 bits that ascend where the scores descend.

    The bits of a positive float ascend with it; those of a negative one descend, and are turned round.

    Args:
        scores: float32[n], finite.
    """
    bits = np.subtract(0.0, scores, dtype=np.float32).view(np.int32)  # 0 - x, not -x: it has no negative zero
    bits ^= (bits >> 31) & 0x7FFFFFFF
    return bits.astype(np.int64)
