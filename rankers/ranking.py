"""Query and Candidates: what flows through the pipeline."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

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
        lengths = {len(self.rows), len(self.scores), *map(len, self.features.values())}
        if len(lengths) != 1:
            raise ValueError(f"rows, scores and features must have one length, got {sorted(lengths)}")

    def __len__(self) -> int:
        return len(self.rows)

    def top(self, depth: int) -> Candidates:
        """Keep the best `depth` candidates."""
        if depth >= len(self):
            return self
        features = {name: values[:depth] for name, values in self.features.items()}
        return replace(self, rows=self.rows[:depth], scores=self.scores[:depth], features=features)

    def take(self, order: npt.NDArray[np.intp]) -> Candidates:
        """Reorder or select candidates by position."""
        features = {name: values[order] for name, values in self.features.items()}
        return replace(self, rows=self.rows[order], scores=self.scores[order], features=features)

    def with_stage(self, name: str) -> Candidates:
        """Record the present scores and ranks as what stage `name` said."""
        ranks = np.arange(1, len(self) + 1, dtype=np.float32)
        return replace(self, features={**self.features, name: self.scores, f"{name}_rank": ranks})


def canonical(rows: Rows, scores: Scores, id_rank: npt.NDArray[np.int32]) -> npt.NDArray[np.intp]:
    """Order candidates by score descending, ties by passage id ascending.

    Args:
        rows: int32[n].
        scores: float32[n], finite.
        id_rank: int32[passages], the place of each row's id among all ids in ascending order.
    """
    return np.lexsort((id_rank[rows], -scores))
