from __future__ import annotations

import asyncio
import copy
from pathlib import Path

import pytest
from haystack import Document, Pipeline

from tamis.errors import InvalidInput
from tamis.integrations.haystack import TamisRanker, TamisRetriever
from tamis.integrations.searcher import Searcher

QUERY = "copy a whole directory tree"


def test_documents_hold_text_score_and_all_metadata(searcher: Searcher) -> None:
    hits = searcher.search(QUERY, 3).hits
    documents = TamisRetriever(searcher, top_k=3).run(QUERY)["documents"]
    assert [(one.id, one.content, one.score) for one in documents] == [(hit.id, hit.text, hit.score) for hit in hits]
    for document, hit in zip(documents, hits, strict=True):
        assert {key: value for key, value in document.meta.items() if key != "tamis"} == hit.metadata
    assert len(TamisRetriever(searcher).run(QUERY, top_k=1)["documents"]) == 1


def test_documents_are_ranked_by_index_and_left_as_they_were(searcher: Searcher) -> None:
    texts = ["nothing", "copy a directory tree", "nothing", "copy files"]
    documents = [Document(id=str(number), content=text, meta={"n": [number]}) for number, text in enumerate(texts)]
    before = copy.deepcopy(documents)
    found = TamisRanker(searcher).run(QUERY, documents)["documents"]
    assert {int(one.id): one.score for one in found} == {one.index: one.score for one in searcher.rerank(QUERY, texts)}
    found[0].meta["n"].append(7)
    assert documents == before
    assert len(TamisRanker(searcher, top_k=2).run(QUERY, documents)["documents"]) == 2
    with pytest.raises(InvalidInput, match=r"documents\[1\]"):
        TamisRanker(searcher).run(QUERY, [documents[0], Document(id="empty")])


def test_they_are_parts_of_a_pipeline_that_can_be_written_down(local: Searcher, url: str, tiny_index: Path) -> None:
    """To YAML and back: a path and a URL are opened when they are first needed."""
    pipeline = Pipeline()
    pipeline.add_component("retriever", TamisRetriever(str(tiny_index), top_k=4))
    pipeline.add_component("ranker", TamisRanker(url, top_k=2))
    pipeline.connect("retriever.documents", "ranker.documents")
    again = Pipeline.loads(pipeline.dumps(), allowed_modules=["tamis.integrations.haystack"])
    found = again.run({"retriever": {"query": QUERY}, "ranker": {"query": QUERY}})["ranker"]["documents"]
    hits = local.search(QUERY, 4).hits
    best = local.rerank(QUERY, [hit.text for hit in hits])[:2]
    assert [one.id for one in found] == [hits[one.index].id for one in best]
    with pytest.raises(InvalidInput, match="path or URL"):
        TamisRetriever(local).to_dict()


def test_coroutines_get_the_same(local: Searcher) -> None:
    found = asyncio.run(TamisRetriever(local, top_k=3).run_async(QUERY))["documents"]
    assert [one.id for one in found] == [hit.id for hit in local.search(QUERY, 3).hits]
    ranked = asyncio.run(TamisRanker(local).run_async(QUERY, found))["documents"]
    assert {one.id for one in ranked} == {one.id for one in found}
