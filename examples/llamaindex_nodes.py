"""LlamaIndex: retrieve nodes and rerank them; `python examples/llamaindex_nodes.py INDEX QUESTION`.

INDEX is the folder of an index, or the URL of a service with a second stage. Both parts go into a query engine:
`RetrieverQueryEngine.from_args(retriever, llm=..., node_postprocessors=[reranker])`.
"""

from __future__ import annotations

import sys

from llama_index.core.schema import NodeWithScore

import tamis
from tamis.integrations.llamaindex import TamisReranker, TamisRetriever
from tamis.integrations.searcher import Searcher
from tamis.rankers.config import PipelineConfig

SECOND_STAGE = {"read": PipelineConfig(rerank="tamis-minilm-l6")}
"""The model that reranks; a pipeline of this name is there beside the default one."""


def find(index: Searcher, question: str) -> list[NodeWithScore]:
    """Retrieve ten nodes, keep the three that the reranker likes best."""
    nodes = TamisRetriever(index, k=10).retrieve(question)
    return TamisReranker(searcher=index, top_n=3).postprocess_nodes(nodes, query_str=question)


def main(where: str, question: str) -> None:
    """Print the nodes."""
    remote = where.startswith(("http://", "https://"))
    with tamis.open(where, pipelines=None if remote else SECOND_STAGE) as index:
        for node in find(index, question):
            print(f"{node.score:.3f}  {node.node.node_id}\n{node.node.get_content().strip()[:200]}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
