"""The vector index: FAISS HNSW over unit vectors by inner product, exact search when it is small."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from tamis.errors import DamagedFile

from .config import DenseConfig
from .progress import Report

SWIG: Any = faiss
"""The same module: its stubs know nothing of what SWIG makes, such as parameters of a search."""

Vectors = npt.NDArray[np.float32]


READ = 8
"""Vectors that HNSW reads for each step of its breadth, as many as take the time of reading them in order."""


def kind_for(vectors: int, config: DenseConfig) -> str:
    """Say how so many vectors are searched: `flat` (exact) or `hnsw`."""
    return "flat" if vectors < config.flat_below else "hnsw"


def build_dense(
    shards: Iterable[Vectors], dimension: int, kind: str, config: DenseConfig, path: Path, report: Report
) -> None:
    """Add vectors shard by shard, in row order, and write the index to `path`.

    Args:
        shards: float32[n, dimension] each, unit length.
        dimension: length of a vector.
        kind: `flat` or `hnsw`.
        config: HNSW's settings.
        path: file to write.
        report: called with the number of vectors added so far.
    """
    index = _empty(dimension, kind, config)
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(config.threads)
    try:
        for shard in shards:
            for start in range(0, len(shard), 512):  # small steps, so that the progress bar moves
                index.add(shard[start : start + 512])
                report(index.ntotal)
    finally:
        faiss.omp_set_num_threads(before)
    faiss.write_index(index, str(path))


def _empty(dimension: int, kind: str, config: DenseConfig) -> faiss.Index:
    if kind == "flat":
        return faiss.IndexFlatIP(dimension)
    graph = faiss.IndexHNSWFlat(dimension, config.m, faiss.METRIC_INNER_PRODUCT)
    graph.hnsw.efConstruction = config.ef_construction
    return graph


class DenseIndex:
    """Searches vectors; single, batched and concurrent searches give the same bits."""

    def __init__(self, path: Path, passages: int, dimension: int, ef_search: int, mapped: bool = False) -> None:
        """Open an index whose file was verified against the manifest.

        Args:
            path: of the file.
            passages: how many vectors it should hold.
            dimension: length of a vector.
            ef_search: breadth of a search through HNSW.
            mapped: leave the vectors in the file, which a search reads what it needs of, instead of in memory.

        Raises:
            DamagedFile: FAISS cannot read it, or it is not the index that the manifest describes.
        """
        try:
            self._index = faiss.read_index(str(path), SWIG.IO_FLAG_MMAP_IFC if mapped else 0)
        except RuntimeError as error:
            raise DamagedFile(f"{path}: FAISS cannot read it: {str(error).splitlines()[0]}; build again") from None
        if (self._index.ntotal, self._index.d) != (passages, dimension):
            found = f"{self._index.ntotal} vectors of {self._index.d}"
            raise DamagedFile(f"{path} holds {found} dimensions, expected {passages} of {dimension}; build again")
        self._is_flat = not isinstance(self._index, faiss.IndexHNSW)
        self._ef_search = ef_search

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self._index.d)

    def search(
        self,
        vectors: Vectors,
        depth: int,
        ef_search: int | None = None,
        allowed: npt.NDArray[np.bool_] | None = None,
    ) -> list[tuple[npt.NDArray[np.int32], Vectors]]:
        """Return rows int32[n] and inner products float32[n] for each query vector, best first.

        Args:
            vectors: float32[queries, dimension], unit length.
            depth: how many to find; fewer come back from a smaller index.
            ef_search: breadth of this search through HNSW, never less than `depth`; None: the index' own.
            allowed: which rows may be found, bool[passages]; None: all.
        """
        if allowed is not None:
            rows_allowed = np.flatnonzero(allowed)
            return [
                self._among(vectors[number : number + 1], depth, ef_search, allowed, rows_allowed)
                for number in range(len(vectors))
            ]
        depth = min(depth, len(self))
        if depth == 0:
            return [(np.empty(0, np.int32), np.empty(0, np.float32))] * len(vectors)
        if self._is_flat:  # batched flat search multiplies matrices, whose last bits depend on the batch
            found = [self._index.search(vectors[number : number + 1], depth) for number in range(len(vectors))]
            pairs = [(rows[0], scores[0]) for scores, rows in found]
        else:
            breadth = max(ef_search or self._ef_search, depth)  # FAISS would search narrower, and find fewer
            settings = SWIG.SearchParametersHNSW(efSearch=breadth)
            scores, rows = self._index.search(vectors, depth, params=settings)
            pairs = list(zip(rows, scores, strict=True))
        return [(rows[rows >= 0].astype(np.int32), scores[rows >= 0]) for rows, scores in pairs]

    def _among(
        self,
        vector: Vectors,
        depth: int,
        ef_search: int | None,
        allowed: npt.NDArray[np.bool_],
        rows: npt.NDArray[np.intp],
    ) -> tuple[npt.NDArray[np.int32], Vectors]:
        """Search for one vector among `rows`, which `allowed` marks: through HNSW where that is less work."""
        depth = min(depth, len(rows))
        if depth == 0:
            return np.empty(0, np.int32), np.empty(0, np.float32)
        breadth = max(ef_search or self._ef_search, depth)
        if not self._is_flat and len(rows) ** 2 > READ * breadth * len(self):
            # The graph is walked through all rows, so that a breadth finds its share of allowed ones.
            wider = breadth * len(self) // len(rows)
            chosen = SWIG.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))
            settings = SWIG.SearchParametersHNSW(sel=chosen, efSearch=wider)
            scores, found = self._index.search(vector, depth, params=settings)
            if (found >= 0).all():
                return found[0].astype(np.int32), scores[0]
        store = self._index if self._is_flat else SWIG.downcast_index(SWIG.downcast_index(self._index).storage)
        listed = SWIG.SearchParameters(sel=SWIG.IDSelectorArray(rows.astype(np.int64)))
        scores, found = store.search(vector, depth, params=listed)
        return found[0].astype(np.int32), scores[0]

    def vectors(self, rows: npt.NDArray[np.int32]) -> Vectors:
        """Return the stored vectors of `rows`: float32[n, dimension]."""
        found: Vectors = self._index.reconstruct_batch(rows.astype(np.int64))
        return found

    def scores(self, rows: npt.NDArray[np.int32], vector: Vectors) -> Vectors:
        """Return what `rows` score for one query vector, float32[dimension], as a search scores them: float32[n]."""
        found: Vectors = self.vectors(rows) @ vector
        return found
