"""nDCG@10 of each first-stage arm and of their fusion, with bootstrap intervals.

    python -m benchmarks.effectiveness

Judgments are scored by ir-measures (trec_eval's code); a judged query without hits counts 0.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import ir_measures
import numpy as np
from ir_measures import ScoredDoc, nDCG
from scipy.stats import bootstrap

from tamis.eval.judged import OWN, Judged, read_judged
from tamis.indexer.build import build
from tamis.indexer.config import IndexConfig
from tamis.indexer.corpus.open import open_corpus
from tamis.rankers.config import PipelineConfig
from tamis.rankers.engine import Engine

from .harness import DATA, WORK, Result, record

MEASURE = nDCG @ 10
VARIANTS = {
    "sparse": PipelineConfig(retrievers=("sparse",), sparse_depth=100),
    "dense": PipelineConfig(retrievers=("dense",), dense_depth=100),
    "fused": PipelineConfig(sparse_depth=100, dense_depth=100),
}
"""The arms alone, and reciprocal rank fusion (k 60), all at depth 100."""


def main() -> None:
    """Measure the collections and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--collections", nargs="*", default=["scifact/test", "nfcorpus/dev", "pydocs/test"])
    options = parser.parse_args()
    rows = [row for name in options.collections for row in measure(name)]
    remarks = (
        "Asked of SciFact: Lucene .679 ± .003, bm25s within .01 of it, dense .645 to .652, fused at least .715. "
        "Intervals: 95 %, 10,000 bootstrap samples of the queries."
    )
    header = ("collection", "word index", "pipeline", "nDCG@10", "95 % interval", "queries")
    record(
        Result(
            "effectiveness",
            "Effectiveness of the first stage",
            "python -m benchmarks.effectiveness",
            header,
            rows,
            remarks,
        )
    )


def measure(name: str) -> list[list[str]]:
    """Measure one collection's split with both word indexes."""
    judged = read(name)
    rows = []
    for sparse in ("lucene", "bm25s"):
        config = IndexConfig.model_validate({"sparse": {"engine": sparse}})
        out = WORK / f"{name.partition('/')[0]}-{sparse}"
        build(open_corpus(judged.corpus, config.corpus), out, config)
        for variant, pipeline in VARIANTS.items():
            if variant == "dense" and sparse == "bm25s":
                continue  # the vectors are the same
            values = score(out, pipeline, judged)
            low, high = interval(values)
            engine = "-" if variant == "dense" else sparse
            rows.append([name, engine, variant, f"{values.mean():.4f}", f"{low:.3f} to {high:.3f}", str(len(values))])
            print(*rows[-1])
    return rows


def score(index: Path, config: PipelineConfig, judged: Judged) -> np.ndarray:
    """Return the measure of every judged query: float64[queries]."""
    with Engine.open(index, config) as engine:
        rankings = engine.pipeline.run(judged.queries).rankings
        run = [
            ScoredDoc(query.id, id_, float(len(ranking) - place))  # strictly decreasing: ties cannot be reordered
            for query, ranking in zip(judged.queries, rankings, strict=True)
            for place, id_ in enumerate(engine.index.passages.ids_of(ranking.rows))
        ]
    found = {metric.query_id: metric.value for metric in ir_measures.iter_calc([MEASURE], judged.qrels, run)}
    return np.array([found[query.id] for query in judged.queries])


def interval(values: np.ndarray) -> tuple[float, float]:
    """Give the 95 % bootstrap interval of the mean."""
    found = bootstrap((values,), np.mean, n_resamples=10_000, rng=np.random.default_rng(0), method="percentile")
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def read(name: str) -> Judged:
    """Read `collection/split`: one that comes with Tamis, or a folder of DATA."""
    collection, _, split = name.partition("/")
    return read_judged(collection if (OWN / collection).is_dir() else str(DATA / collection), split)


if __name__ == "__main__":
    main()
