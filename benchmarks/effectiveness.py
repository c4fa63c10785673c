"""nDCG@10 of each first-stage arm and of their fusion, with bootstrap intervals.

    python -m benchmarks.effectiveness [COLLECTION/SPLIT ...] [--record]

Scored by ir-measures (trec_eval's code); a judged query without hits counts 0. All arms at depth
100, fusion by reciprocal ranks with k 60.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tamis.eval.formats.own import OWN
from tamis.eval.judged import Judged, read_judged
from tamis.eval.measures import parse_measure, score_run
from tamis.eval.significance import bootstrap_interval
from tamis.eval.trec import Run
from tamis.indexer.published import PublishedIndex
from tamis.indexer.sparse.engine import build_sparse, open_sparse
from tamis.rankers.config import PipelineConfig
from tamis.rankers.engine import Engine

from .corpora import built
from .harness import DATA, WORK, Result, record

COLLECTIONS = ("scifact/test", "nfcorpus/dev", "pydocs/test")
MEASURE = parse_measure("nDCG@10")
ARMS = {
    "sparse": PipelineConfig(retrievers=("sparse",), sparse_depth=100),
    "dense": PipelineConfig(retrievers=("dense",), dense_depth=100),
    "fused": PipelineConfig(sparse_depth=100, dense_depth=100),
}
VARIANTS = (
    ("BM25, Lucene", "sparse", "lucene", "exact"),
    ("BM25, bm25s", "sparse", "bm25s", "exact"),
    ("dense, exact", "dense", "lucene", "exact"),
    ("dense, fast passages", "dense", "lucene", "fast"),
    ("fused, Lucene, exact", "fused", "lucene", "exact"),
    ("fused, bm25s, exact", "fused", "bm25s", "exact"),
    ("fused, Lucene, fast passages", "fused", "lucene", "fast"),
)
"""What is measured: name, arms, word index, precision of the passages' vectors."""

PAIRS = (
    ("BM25, bm25s", "BM25, Lucene"),
    ("dense, fast passages", "dense, exact"),
    ("fused, Lucene, fast passages", "fused, Lucene, exact"),
)
"""Differences that are reported, each query with itself."""

HEADER = ("collection", "pipeline", "nDCG@10", "95 % interval", "queries")
REMARKS = (
    "Asked of SciFact test: Lucene .679 ± .003, bm25s within .01 of it, dense .645 to .652, fused at least .715. "
    "Intervals: 95 %, 10,000 bootstrap samples of the queries; differences are paired by query."
)

Values = npt.NDArray[np.float64]


def main() -> None:
    """Measure the collections and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("collections", nargs="*", default=list(COLLECTIONS))
    parser.add_argument("--record", action="store_true", help="write the table to RESULTS.md")
    options = parser.parse_args()
    for name in options.collections:
        rows = measure(name)
        if options.record:
            command = f"python -m benchmarks.effectiveness {name} --record"
            title = f"Effectiveness of the first stage: {name}"
            record(Result(f"effectiveness-{name.replace('/', '-')}", title, command, HEADER, rows, REMARKS))


def measure(name: str) -> list[list[str]]:
    """Measure every variant on one collection's split, and the differences between some."""
    judged = read(name)
    found: dict[str, Values] = {}
    for precision in ("exact", "fast"):
        folder = built(judged.corpus, f"{judged.name}-{precision}", encoder={"precision": precision})
        for sparse in ("lucene", "bm25s"):
            wanted = [one for one in VARIANTS if one[2:] == (sparse, precision)]
            if wanted:
                with _opened(folder, sparse) as index:
                    found |= {variant: score(index, ARMS[arms], judged) for variant, arms, *_ in wanted}
    rows = [_row(name, variant, found[variant]) for variant, *_ in VARIANTS]
    rows += [_row(name, f"{a}, minus {b}", found[a] - found[b], sign="+") for a, b in PAIRS]
    for row in rows:
        print(*row, sep="  ", flush=True)
    return rows


@contextmanager
def _opened(folder: Path, sparse: str) -> Iterator[PublishedIndex]:
    """Open an index with the wanted word index: its own, or one that is built beside it from its passages."""
    with PublishedIndex.open(folder) as index:
        if sparse == index.manifest.sparse_engine:
            yield index
            return
        beside = WORK / f"{folder.name}-{sparse}"
        config = index.manifest.config.sparse
        if not beside.exists():
            build_sparse(sparse, index.passages.contents, len(index.passages), beside, config, lambda done: None)
        yield dataclasses.replace(index, sparse=open_sparse(sparse, beside, config))


def score(index: PublishedIndex, config: PipelineConfig, judged: Judged) -> Values:
    """Return the measure of every judged query: float64[queries]."""
    rankings = Engine(index, config).pipeline.run(judged.queries).rankings
    run = {
        query.id: (index.passages.ids_of(ranking.rows), -np.arange(len(ranking), dtype=np.float32))
        for query, ranking in zip(judged.queries, rankings, strict=True)
    }  # places instead of scores: ties cannot be reordered
    queries = [query.id for query in judged.queries]
    return score_run(Run(run), judged.qrels, queries, [MEASURE])[str(MEASURE)]


def _row(collection: str, name: str, values: Values, sign: str = "") -> list[str]:
    found = bootstrap_interval(values)
    interval = f"{found.low:{sign}.4f} to {found.high:{sign}.4f}"
    return [collection, name, f"{values.mean():{sign}.4f}", interval, str(len(values))]


def read(name: str) -> Judged:
    """Read `collection/split`: one that comes with Tamis, or a folder of DATA."""
    collection, _, split = name.partition("/")
    return read_judged(collection if (OWN / collection).is_dir() else str(DATA / collection), split)


if __name__ == "__main__":
    main()
