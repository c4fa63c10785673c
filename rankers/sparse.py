"""First stage over words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tamis.indexer.sparse.engine import SparseIndex

from .ranking import Candidates, Query, ranked


@dataclass(frozen=True, slots=True)
class SparseRetriever:
    """BM25 over the word index."""

    index: SparseIndex
    id_rank: npt.NDArray[np.int32]

    def retrieve(self, queries: Sequence[Query], depth: int, /) -> list[Candidates]:
        """Return the best `depth` passages that share a word with each query."""
        return [self._one(query, depth) for query in queries]

    def _one(self, query: Query, depth: int) -> Candidates:
        rows, scores = self.index.search(query.text, depth, query.allowed)
        return ranked(rows, scores, self.id_rank)
