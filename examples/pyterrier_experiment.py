"""PyTerrier: Tamis' stages in an experiment; `python examples/pyterrier_experiment.py INDEX COLLECTION [SPLIT]`.

INDEX is the folder of an index, COLLECTION a judged collection (`pydocs`, a BEIR folder, ...).
"""

from __future__ import annotations

import sys

import pandas as pd
import pyterrier as pt
from ir_measures import RR, R, nDCG

import tamis
from tamis.eval.judged import read_judged
from tamis.integrations.pyterrier import TamisReranker, TamisRetriever
from tamis.integrations.searcher import Searcher
from tamis.rankers.config import PipelineConfig

PIPELINES = {
    "words": PipelineConfig(retrievers=("sparse",)),
    "vectors": PipelineConfig(retrievers=("dense",)),
    "read": PipelineConfig(rerank="tamis-minilm-l6"),
}


def compare(index: Searcher, collection: str, split: str = "test") -> pd.DataFrame:
    """Evaluate words, vectors, both, and both with their best ten reranked."""
    judged = read_judged(collection, split)
    topics = pd.DataFrame([(query.id, query.text) for query in judged.queries], columns=["qid", "query"])
    rows = [(query, id_, grade) for query, found in judged.qrels.items() for id_, grade in found.items()]
    qrels = pd.DataFrame(rows, columns=["qid", "docno", "label"])
    both = TamisRetriever(index, k=100)
    systems = {
        "words": TamisRetriever(index, k=100, options={"pipeline": "words"}),
        "vectors": TamisRetriever(index, k=100, options={"pipeline": "vectors"}),
        "both": both,
        "reranked": both % 10 >> TamisReranker(index),
    }
    return pt.Experiment(list(systems.values()), topics, qrels, [nDCG @ 10, RR @ 10, R @ 100], names=list(systems))


def main(where: str, collection: str, split: str = "test") -> None:
    """Print the table."""
    with tamis.open(where, pipelines=PIPELINES) as index:
        print(compare(index, collection, split).to_string(index=False))


if __name__ == "__main__":
    main(*sys.argv[1:])
