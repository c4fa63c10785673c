"""First stage over vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tamis.indexer.dense import DenseIndex
from tamis.models.encoder import Encoder

from .ranking import Candidates, Query, canonical


@dataclass(frozen=True, slots=True)
class DenseRetriever:
    """Nearest passages to the query's vector by inner product."""

    index: DenseIndex
    encoder: Encoder
    id_rank: npt.NDArray[np.int32]

    def retrieve(self, queries: Sequence[Query], depth: int, /) -> list[Candidates]:
        """Encode all queries, then return the `depth` nearest passages of each."""
        vectors = self.encoder.encode([query.text for query in queries], "query")
        answers = []
        for rows, scores in self.index.search(vectors, depth):
            order = canonical(rows, scores, self.id_rank)
            answers.append(Candidates(rows[order], scores[order]))
        return answers
