"""LangChain: a retriever, and a document compressor that reranks."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from tamis.rankers.hits import SearchResult

from .extra import missing
from .options import TextScore
from .provenance import metadata_of
from .searcher import Searcher

try:
    from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun, Callbacks
    from langchain_core.documents import BaseDocumentCompressor, Document
    from langchain_core.retrievers import BaseRetriever
    from pydantic import ConfigDict, Field
except ModuleNotFoundError as error:
    raise missing("langchain-core", "langchain") from error


class TamisRetriever(BaseRetriever):
    """Retrieves passages as documents: `TamisRetriever(searcher=tamis.open(...), k=5)`."""

    searcher: Searcher
    """What `tamis.open` gives: an index in this process, or a service."""
    k: int = Field(10, ge=1)
    """How many documents; `invoke(query, k=3)` asks for another number."""
    options: Mapping[str, Any] = Field(default_factory=dict)
    """Options of every search, such as `{"pipeline": "fast"}`; those of a call go before."""

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, k: int | None = None, **options: Any
    ) -> list[Document]:
        return _documents(self.searcher.search(query, self.k if k is None else k, **{**self.options, **options}))

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun, k: int | None = None, **options: Any
    ) -> list[Document]:
        found = await self.searcher.asearch(query, self.k if k is None else k, **{**self.options, **options})
        return _documents(found)


class TamisReranker(BaseDocumentCompressor):
    """Keeps the documents that the second stage's model scores best, each with its `relevance_score`."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    searcher: Searcher
    top_n: int | None = Field(None, ge=1)
    """How many documents are kept; None: all."""
    model: str | None = None
    """Which model, where several rerank."""

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> list[Document]:
        """Return copies of the best documents, best first."""
        return self._kept(documents, self.searcher.rerank(query, _texts(documents), self.model))

    async def acompress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> list[Document]:
        """Do as `compress_documents` without blocking the event loop."""
        return self._kept(documents, await self.searcher.arerank(query, _texts(documents), self.model))

    def _kept(self, documents: Sequence[Document], scores: list[TextScore]) -> list[Document]:
        return [
            documents[one.index].model_copy(
                update={"metadata": {**copy.deepcopy(documents[one.index].metadata), "relevance_score": one.score}}
            )
            for one in scores[: self.top_n]
        ]


def _texts(documents: Sequence[Document]) -> list[str]:
    return [document.page_content for document in documents]


def _documents(result: SearchResult) -> list[Document]:
    return [Document(id=hit.id, page_content=hit.text, metadata=metadata_of(hit)) for hit in result.hits]
