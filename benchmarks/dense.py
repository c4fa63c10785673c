"""Recall of HNSW against exact search, and what it saves.

    python -m benchmarks.dense [--record]

On msmarco-mini (50,285 passages) and 1,000 of its dev queries, at the default efSearch and others.
"""

from __future__ import annotations

import argparse
import time

import faiss
import numpy as np

from tamis.eval.judged import read_judged
from tamis.indexer.config import DenseConfig
from tamis.indexer.dense import DenseIndex
from tamis.indexer.published import VECTORS, PublishedIndex

from .corpora import msmarco_index
from .harness import DATA, Result, median, record

DEPTH = 100
QUERIES = 1_000


def main() -> None:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true", help="write the table to RESULTS.md")
    options = parser.parse_args()
    rows, passages = measure()
    for row in rows:
        print(*row)
    default = DenseConfig().ef_search
    reached = next(row[1] for row in rows if row[0].startswith(f"HNSW, efSearch {default}"))
    remarks = (
        f"{passages:,} passages, {QUERIES:,} queries, one query a call, one thread. Asked: recall@100 of at least .99 "
        f"at the default efSearch ({default}) on at least 45,000 passages; reached {reached}."
    )
    if options.record:
        header = ("search", "recall@100", "median ms")
        record(
            Result("dense", "HNSW against exact search", "python -m benchmarks.dense --record", header, rows, remarks)
        )


def measure() -> tuple[list[list[str]], int]:
    """Return a row for exact search and for each efSearch."""
    queries = read_judged(str(DATA / "msmarco-mini"), "dev").queries[:QUERIES]
    with PublishedIndex.open(msmarco_index()) as index:
        vectors = index.encoder.encode([query.text for query in queries], "query")
        count, dimension = index.manifest.passages, index.manifest.encoder.dimension
        exact = faiss.IndexFlatIP(dimension)
        exact.add(index.dense.vectors(np.arange(count, dtype=np.int32)))
        faiss.omp_set_num_threads(1)
        truth, seconds = _search(lambda vector: exact.search(vector, DEPTH)[1][0], vectors)
        rows = [["exact", "1.0000", f"{1e3 * median(seconds):.2f}"]]
        for ef in (64, 128, DenseConfig().ef_search, 512):
            dense = DenseIndex(index.folder / VECTORS, count, dimension, ef)
            found, seconds = _search(lambda vector, dense=dense: dense.search(vector, DEPTH)[0][0], vectors)  # type: ignore[misc]
            shared = [len(np.intersect1d(one, other)) / DEPTH for one, other in zip(found, truth, strict=True)]
            rows.append([f"HNSW, efSearch {ef}", f"{np.mean(shared):.4f}", f"{1e3 * median(seconds):.2f}"])
    return rows, count


def _search(search: object, vectors: np.ndarray) -> tuple[list[np.ndarray], list[float]]:
    assert callable(search)
    found, seconds = [], []
    for number in range(len(vectors)):
        start = time.perf_counter()
        rows = search(vectors[number : number + 1])
        seconds.append(time.perf_counter() - start)
        found.append(rows)
    return found, seconds


if __name__ == "__main__":
    main()
