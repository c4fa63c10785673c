"""First stage over vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tamis.indexer.published import VectorIndex
from tamis.indexer.tiers import TierDense
from tamis.models.encoder import Encoder, Vectors

from .ranking import Candidates, Query, ranked


@dataclass(frozen=True, slots=True)
class DenseRetriever:
    """Nearest passages to the query's vector by inner product."""

    index: VectorIndex | TierDense
    encoder: Encoder
    id_rank: npt.NDArray[np.int32]
    ef_search: int | None = None
    """Breadth of a search through HNSW; None: the index' own."""

    def retrieve(self, queries: Sequence[Query], depth: int, /) -> list[Candidates]:
        """Encode all queries, then return the `depth` nearest passages of each."""
        return self.nearest(self.encoded(queries), depth, [query.allowed for query in queries])

    def encoded(self, queries: Sequence[Query]) -> Vectors:
        """Return the vectors of queries: float32[queries, dimension]."""
        return self.encoder.encode([query.text for query in queries], "query")

    def nearest(
        self, vectors: Vectors, depth: int, allowed: Sequence[npt.NDArray[np.bool_] | None] | None = None, /
    ) -> list[Candidates]:
        """Return the `depth` nearest passages of each query's vector, float32[queries, dimension].

        Args:
            vectors: what to look near.
            depth: how many to find.
            allowed: for each query which passages may be found; None: all, as in the list.
        """
        if allowed is None or not any(mask is not None for mask in allowed):
            found = self.index.search(vectors, depth, self.ef_search)
        else:
            each = zip(vectors, allowed, strict=True)
            found = [self.index.search(one[None], depth, self.ef_search, mask)[0] for one, mask in each]
        return [ranked(rows, scores, self.id_rank) for rows, scores in found]
