"""First stage over vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tamis.indexer.dense import DenseIndex
from tamis.models.encoder import Encoder, Vectors

from .ranking import Candidates, Query, ranked


@dataclass(frozen=True, slots=True)
class DenseRetriever:
    """Nearest passages to the query's vector by inner product."""

    index: DenseIndex
    encoder: Encoder
    id_rank: npt.NDArray[np.int32]
    ef_search: int | None = None
    """Breadth of a search through HNSW; None: the index' own."""

    def retrieve(self, queries: Sequence[Query], depth: int, /) -> list[Candidates]:
        """Encode all queries, then return the `depth` nearest passages of each."""
        return self.nearest(self.encoder.encode([query.text for query in queries], "query"), depth)

    def nearest(self, vectors: Vectors, depth: int, /) -> list[Candidates]:
        """Return the `depth` nearest passages of each query's vector, float32[queries, dimension]."""
        found = self.index.search(vectors, depth, self.ef_search)
        return [ranked(rows, scores, self.id_rank) for rows, scores in found]
