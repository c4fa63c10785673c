"""LlamaIndex: a retriever, and a node postprocessor that reranks."""

from __future__ import annotations

from typing import Any

from tamis.errors import InvalidInput
from tamis.rankers.hits import SearchResult

from .extra import missing
from .options import SearchOptions, TextScore
from .provenance import metadata_of
from .searcher import Searcher

try:
    from llama_index.core.bridge.pydantic import Field
    from llama_index.core.postprocessor.types import BaseNodePostprocessor
    from llama_index.core.retrievers import BaseRetriever
    from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle, TextNode
except ModuleNotFoundError as error:
    raise missing("llama-index-core", "llamaindex") from error


class TamisRetriever(BaseRetriever):
    """Retrieves passages as nodes: `TamisRetriever(tamis.open(...), k=5)`."""

    def __init__(self, searcher: Searcher, k: int = 10, options: SearchOptions | None = None, **kwargs: Any) -> None:
        """Ask a searcher for the best `k` passages; `options` go with every search."""
        super().__init__(**kwargs)
        self.searcher = searcher
        self.k = k
        self.options: SearchOptions = options or {}

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return _nodes(self.searcher.search(query_bundle.query_str, self.k, **self.options))

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return _nodes(await self.searcher.asearch(query_bundle.query_str, self.k, **self.options))


class TamisReranker(BaseNodePostprocessor):
    """Keeps the nodes that the second stage's model scores best; the nodes themselves are not touched."""

    searcher: Searcher
    top_n: int | None = Field(default=None, ge=1)
    """How many nodes are kept; None: all."""
    model: str | None = None
    """Which model, where several rerank."""

    @classmethod
    def class_name(cls) -> str:
        """Name the class, for LlamaIndex' serialisation."""
        return "TamisReranker"

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        return self._kept(nodes, self.searcher.rerank(_query(query_bundle), _texts(nodes), self.model))

    async def _apostprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        return self._kept(nodes, await self.searcher.arerank(_query(query_bundle), _texts(nodes), self.model))

    def _kept(self, nodes: list[NodeWithScore], scores: list[TextScore]) -> list[NodeWithScore]:
        return [NodeWithScore(node=nodes[one.index].node, score=one.score) for one in scores[: self.top_n]]


def _query(query_bundle: QueryBundle | None) -> str:
    if query_bundle is None:
        raise InvalidInput("reranking needs the query: pass query_str= or query_bundle=")
    return query_bundle.query_str


def _texts(nodes: list[NodeWithScore]) -> list[str]:
    return [node.node.get_content(metadata_mode=MetadataMode.NONE) for node in nodes]


def _nodes(result: SearchResult) -> list[NodeWithScore]:
    return [
        NodeWithScore(
            node=TextNode(
                id_=hit.id,
                text=hit.text,
                metadata=metadata_of(hit),
                # What the stages said is for programs, and would be noise in a prompt or an embedding.
                excluded_llm_metadata_keys=["tamis"],
                excluded_embed_metadata_keys=["tamis"],
            ),
            score=hit.score,
        )
        for hit in result.hits
    ]
