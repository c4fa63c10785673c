"""How much of exact search HNSW finds, measured on every index that is built."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import faiss
import numpy as np
import numpy.typing as npt

from tamis.errors import MissingPrerequisite

from .dense import DenseIndex, Vectors

SAMPLE = 256
"""Passages whose vectors are the queries."""

DEPTH = 100

Knn = Callable[[Vectors, Vectors, int], tuple[Vectors, npt.NDArray[np.int64]]]


def measure_recall(index: DenseIndex, shards: Callable[[], Iterable[Vectors]], device: str) -> float:
    """Return recall@100 against exact search, with 256 of the index' own passages as queries.

    Args:
        index: what is measured, at its own efSearch.
        shards: streams all vectors in row order, float32[n, dimension] each.
        device: where the exact neighbours are computed: `cuda`, or else the CPU.

    Raises:
        MissingPrerequisite: `cuda` is asked for and FAISS has no GPU support here.
    """
    rows = np.sort(np.random.default_rng(0).choice(len(index), min(SAMPLE, len(index)), replace=False))
    queries = index.vectors(rows.astype(np.int32))
    exact = exact_neighbours(queries, shards(), DEPTH, device)
    found = (rows for rows, _ in index.search(queries, DEPTH))
    shares = [len(np.intersect1d(one, other)) / len(other) for one, other in zip(found, exact, strict=True)]
    return float(np.mean(shares))


def exact_neighbours(
    queries: Vectors, shards: Iterable[Vectors], depth: int, device: str = "cpu"
) -> npt.NDArray[np.int64]:
    """Return the rows of the nearest vectors by inner product: int64[queries, depth], or fewer from a smaller index.

    Shards are searched one after the other, so memory holds one of them.
    """
    knn = _on_gpu() if device == "cuda" else _on_cpu
    scores = np.empty((len(queries), 0), np.float32)
    rows = np.empty((len(queries), 0), np.int64)
    for start, shard in _with_starts(shards):
        shard_scores, shard_rows = knn(queries, shard, min(depth, len(shard)))
        scores = np.concatenate([scores, shard_scores], axis=1)
        rows = np.concatenate([rows, shard_rows + start], axis=1)
        best = np.argsort(-scores, axis=1, kind="stable")[:, :depth]
        scores, rows = np.take_along_axis(scores, best, axis=1), np.take_along_axis(rows, best, axis=1)
    return rows


def _with_starts(shards: Iterable[Vectors]) -> Iterator[tuple[int, Vectors]]:
    start = 0
    for shard in shards:
        yield start, shard
        start += len(shard)


def _on_cpu(queries: Vectors, shard: Vectors, depth: int) -> tuple[Vectors, npt.NDArray[np.int64]]:
    scores, rows = faiss.knn(queries, shard, depth, metric=faiss.METRIC_INNER_PRODUCT)
    return scores, rows


def _on_gpu() -> Knn:
    if not hasattr(faiss, "StandardGpuResources"):
        raise MissingPrerequisite(
            "exact neighbours on a GPU need FAISS with CUDA: pip install 'tamis[gpu]' in place of 'tamis[cpu]'"
        )
    resources = faiss.StandardGpuResources()

    def knn(queries: Vectors, shard: Vectors, depth: int) -> tuple[Vectors, npt.NDArray[np.int64]]:
        scores, rows = faiss.knn_gpu(resources, queries, shard, depth, metric=faiss.METRIC_INNER_PRODUCT)
        return scores, rows

    return knn
