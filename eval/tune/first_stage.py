"""What the arms find for a fixed set of queries: asked once, then cut to every depth that a trial wants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from tamis.indexer.progress import Report
from tamis.indexer.published import PublishedIndex
from tamis.indexer.sentence_index import SentenceIndex
from tamis.rankers.config import PipelineConfig
from tamis.rankers.dense import DenseRetriever
from tamis.rankers.ranking import Candidates, Query
from tamis.rankers.sparse import SparseRetriever

Found = dict[str, list[Candidates]]
"""Candidates of each query by arm."""


class FirstStage:
    """Answers for every pipeline over one index as its own retrievers would.

    A list of depth d is the head of every longer one, but for two things that are kept in mind: words
    are cut in the order of rows where scores are equal, and HNSW is never searched narrower than deep,
    so lists of one *breadth* share heads, not all lists.
    """

    def __init__(self, index: PublishedIndex, queries: Sequence[Query], deepest: int, report: Report) -> None:
        """Encode the queries; `deepest` is the greatest depth that will commonly be asked for."""
        self._index = index
        self._queries = queries
        self._deepest = deepest
        self._vectors = index.encoder.encode([query.text for query in queries], "query", report)
        self._is_exact = index.manifest.dense_kind == "flat"
        self._kept: dict[tuple[str, int], tuple[int, list[Candidates]]] = {}

    def found(self, config: PipelineConfig) -> Found:
        """Return what the first stage of a pipeline finds for every query."""
        return {arm: self._sparse(config) if arm == "sparse" else self._dense(config) for arm in config.retrievers}

    def _sparse(self, config: PipelineConfig) -> list[Candidates]:
        retriever = SparseRetriever(self._index.sparse, self._index.ids.rank)
        ask = partial(retriever.retrieve, self._queries)
        return self._cut(("sparse", 0), config.sparse_depth, max(self._deepest, config.sparse_depth), ask)

    def _dense(self, config: PipelineConfig) -> list[Candidates]:
        asked = config.ef_search or self._index.manifest.config.dense.ef_search
        breadth = 0 if self._is_exact else max(asked, config.dense_depth)
        deepest = max(self._deepest, config.dense_depth) if self._is_exact else breadth
        retriever = DenseRetriever(self._index.dense, self._index.encoder, self._index.ids.rank, breadth or None)
        key = ("dense", breadth)
        if not self._is_exact and isinstance(self._index.dense, SentenceIndex):
            # Sentences are searched as wide as passages are wanted: no list is the head of another.
            key, deepest = (f"dense {config.dense_depth}", asked), config.dense_depth
            retriever = replace(retriever, ef_search=config.ef_search)
        return self._cut(key, config.dense_depth, deepest, partial(retriever.nearest, self._vectors))

    def _cut(self, key: tuple[str, int], depth: int, deepest: int, ask: partial[list[Candidates]]) -> list[Candidates]:
        kept_depth, kept = self._kept.get(key, (0, []))
        if kept_depth < depth:
            kept_depth, kept = self._kept[key] = (deepest, ask(deepest))
        return [head(candidates, depth) for candidates in kept]


def head(candidates: Candidates, depth: int) -> Candidates:
    """Cut a list as an index cuts it: the best scores, and of equal ones the first rows."""
    if depth >= len(candidates) or candidates.scores[depth - 1] > candidates.scores[depth]:
        return candidates.top(depth)
    kept = np.lexsort((candidates.rows, -candidates.scores))[:depth]
    return candidates.take(np.sort(kept))
