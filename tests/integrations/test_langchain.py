"""LangChain's own conformance suite, and what it does not ask."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.runnables import Runnable, RunnableLambda
from langchain_tests.integration_tests import RetrieversIntegrationTests

from tamis.integrations.langchain import TamisReranker, TamisRetriever
from tamis.integrations.searcher import Searcher

QUERY = "copy a whole directory tree"


@pytest.mark.anyio
class TestRetriever(RetrieversIntegrationTests):
    """The suite of `langchain-tests`, in process and over HTTP."""

    @pytest.fixture(autouse=True)
    def _bound(self, local: Searcher) -> None:
        type(self).searcher = local

    searcher: Searcher

    @pytest.fixture
    def anyio_backend(self) -> str:
        return "asyncio"

    @property
    def retriever_constructor(self) -> type[TamisRetriever]:
        return TamisRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"searcher": self.searcher, "k": 2}

    @property
    def retriever_query_example(self) -> str:
        return QUERY


class TestRemoteRetriever(TestRetriever):
    """The same over HTTP."""

    @pytest.fixture(autouse=True)
    def _bound(self, remote: Searcher) -> None:
        type(self).searcher = remote


def test_documents_hold_text_and_all_metadata(searcher: Searcher) -> None:
    hit = searcher.search(QUERY, 1).hits[0]
    (document,) = TamisRetriever(searcher=searcher, k=1).invoke(QUERY)
    assert (document.id, document.page_content) == (hit.id, hit.text)
    ours = document.metadata.pop("tamis")
    assert document.metadata == hit.metadata
    assert (ours["id"], ours["score"], ours["rank"]) == (hit.id, hit.score, 1)
    other = TamisRetriever(searcher=searcher, options={"exclude_ids": [hit.id]}).invoke(QUERY, k=1)
    assert other[0].id != hit.id


def test_documents_are_reranked_by_index_and_left_as_they_were(searcher: Searcher) -> None:
    """Whatever the order they come in, each keeps its own score and metadata; duplicates too."""
    texts = ["nothing", "copy a directory tree", "nothing", "copy files"]
    documents = [Document(page_content=text, metadata={"n": [number]}) for number, text in enumerate(texts)]
    before = [document.model_copy(deep=True) for document in documents]
    found = TamisReranker(searcher=searcher).compress_documents(documents, QUERY)
    scores = {one.index: one.score for one in searcher.rerank(QUERY, texts)}
    assert {document.metadata["n"][0]: document.metadata["relevance_score"] for document in found} == scores
    backwards = TamisReranker(searcher=searcher).compress_documents(documents[::-1], QUERY)
    assert {d.metadata["n"][0]: d.metadata["relevance_score"] for d in backwards} == scores
    found[0].metadata["n"].append(7)
    assert documents == before
    assert len(TamisReranker(searcher=searcher, top_n=2).compress_documents(documents, QUERY)) == 2
    assert TamisReranker(searcher=searcher).compress_documents([], QUERY) == []


def test_they_are_parts_of_a_chain(local: Searcher) -> None:
    def ids(documents: list[Document]) -> list[str | None]:
        return [document.id for document in documents]

    chain: Runnable[str, list[str | None]] = TamisRetriever(searcher=local, k=3) | RunnableLambda(ids)
    expected = [hit.id for hit in local.search(QUERY, 3).hits]
    assert chain.invoke(QUERY) == expected
    assert asyncio.run(chain.ainvoke(QUERY)) == expected
    kept = asyncio.run(TamisReranker(searcher=local).acompress_documents([Document(page_content="a")], QUERY))
    assert len(kept) == 1
