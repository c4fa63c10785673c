from __future__ import annotations

import asyncio

import pytest
from llama_index.core.base.response.schema import Response
from llama_index.core.llms import MockLLM
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.schema import MetadataMode, NodeWithScore, TextNode

from tamis.errors import InvalidInput
from tamis.integrations.llamaindex import TamisReranker, TamisRetriever
from tamis.integrations.searcher import Searcher

QUERY = "copy a whole directory tree"


def test_nodes_hold_text_score_and_all_metadata(searcher: Searcher) -> None:
    hits = searcher.search(QUERY, 3).hits
    nodes = TamisRetriever(searcher, k=3).retrieve(QUERY)
    assert [(node.node_id, node.score, node.text) for node in nodes] == [(hit.id, hit.score, hit.text) for hit in hits]
    for node, hit in zip(nodes, hits, strict=True):
        assert {key: value for key, value in node.metadata.items() if key != "tamis"} == hit.metadata
        assert "tamis" not in node.node.get_content(MetadataMode.LLM)


def test_coroutines_get_the_same(local: Searcher) -> None:
    found = asyncio.run(TamisRetriever(local, k=3).aretrieve(QUERY))
    assert [node.node_id for node in found] == [hit.id for hit in local.search(QUERY, 3).hits]


def test_nodes_are_reranked_by_index_and_left_as_they_were(searcher: Searcher) -> None:
    texts = ["nothing", "copy a directory tree", "nothing", "copy files"]
    nodes = [
        NodeWithScore(node=TextNode(text=text, metadata={"n": number}), score=0.25) for number, text in enumerate(texts)
    ]
    before = [node.model_dump() for node in nodes]
    found = TamisReranker(searcher=searcher).postprocess_nodes(nodes, query_str=QUERY)
    scores = {one.index: one.score for one in searcher.rerank(QUERY, texts)}
    assert {node.metadata["n"]: node.score for node in found} == scores
    assert [node.model_dump() for node in nodes] == before
    assert len(TamisReranker(searcher=searcher, top_n=2).postprocess_nodes(nodes, query_str=QUERY)) == 2
    with pytest.raises(InvalidInput, match="query_str"):
        TamisReranker(searcher=searcher).postprocess_nodes(nodes)


def test_they_are_parts_of_a_query_engine(local: Searcher) -> None:
    """The framework's own engine with both and its own language model that repeats the prompt."""
    engine = RetrieverQueryEngine.from_args(
        TamisRetriever(local, k=4), llm=MockLLM(), node_postprocessors=[TamisReranker(searcher=local, top_n=2)]
    )
    answer = engine.query(QUERY)
    assert isinstance(answer, Response)
    assert len(answer.source_nodes) == 2
    assert answer.source_nodes[0].text in str(answer)
    again = asyncio.run(engine.aquery(QUERY))
    assert [node.node_id for node in again.source_nodes] == [node.node_id for node in answer.source_nodes]
