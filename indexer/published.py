"""Open a published index for reading: the only door for the online half."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from tamis.models.bundle import ModelBundle
from tamis.models.encoder import Encoder
from tamis.models.session import Device

from .dense import DenseIndex
from .forward.forward import ForwardIndex
from .forward.layout import ABOUT
from .manifest import IndexManifest
from .passages import IdOrder, PassageStore
from .quality.role import Scores
from .quality.store import read_quality
from .sentence_index import SentenceIndex
from .sparse.engine import SparseIndex, open_sparse
from .tiers import COLD, ColdTier, TieredDense, Tiers, TierSparse
from .units import UNITS, Units
from .versions import IndexFolder

PASSAGES = "passages.arrow"
VECTORS = "vectors.faiss"
SPARSE = "sparse"
ENCODER = "encoder"
FORWARD = "forward"
BLEND = "blend"

VectorIndex = DenseIndex | SentenceIndex | TieredDense
"""Vectors of passages, or of their sentences, in one tier or in two."""


@dataclass(frozen=True, slots=True)
class PublishedIndex:
    """All parts of one version, verified and open; safe to use from several threads."""

    folder: Path
    manifest: IndexManifest
    passages: PassageStore
    ids: IdOrder
    sparse: SparseIndex
    """Of the hot tier, where there are two."""
    dense: VectorIndex
    """Searches the hot tier, where there are two; knows the vectors of all passages."""
    encoder: Encoder
    forward: ForwardIndex | None
    """None: the index was built without one."""
    quality: Scores | None = None
    """Score of each passage, float32[passages]; None: the index was built without an estimator."""
    cold: ColdTier | None = None
    """What finds the passages that were pruned; None: they were left out, or none were."""

    @staticmethod
    def open(path: Path, version: str | None = None, device: Device = "cpu") -> PublishedIndex:
        """Verify every file against the manifest, then open all parts.

        Args:
            path: folder of the index.
            version: name of a version; None: the current one.
            device: where queries are encoded: `cpu`, `cuda` or `auto`.

        Raises:
            NotFound: no index is there.
            DamagedFile: a file differs from the manifest; nothing was loaded.
        """
        folder = IndexFolder(path).version(version)
        manifest = IndexManifest.read(folder)
        manifest.verify(folder)
        passages = PassageStore(folder / PASSAGES)
        config = manifest.config
        sparse = open_sparse(manifest.sparse_engine, folder / SPARSE, config.sparse)
        dense = open_dense(folder, manifest)
        return PublishedIndex(
            folder=folder,
            manifest=manifest,
            passages=passages,
            ids=IdOrder(passages, folder),
            sparse=TierSparse(sparse, dense.rows) if isinstance(dense, TieredDense) else sparse,
            dense=dense,
            encoder=Encoder.open(ModelBundle.open(folder / ENCODER), device=device),
            forward=ForwardIndex.open(folder / FORWARD) if f"{FORWARD}/{ABOUT}" in manifest.files else None,
            quality=read_quality(folder),
            cold=_open_cold(folder, manifest, dense),
        )

    def close(self) -> None:
        """Let go of files, threads and models."""
        self.sparse.close()
        if self.cold is not None:
            self.cold.sparse.close()
        self.encoder.close()
        self.passages.close()

    def __enter__(self) -> PublishedIndex:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_dense(folder: Path, manifest: IndexManifest) -> VectorIndex:
    """Open the vectors of a version whose files were verified; with two tiers, those of both."""
    index = _open_vectors(folder / VECTORS, manifest.vectors, manifest)
    if manifest.cold:
        cold = _open_vectors(folder / COLD / VECTORS, manifest.cold, manifest, mapped=True)  # few queries ask it
        return TieredDense(index, cold, Tiers.read(folder, manifest.passages))
    return index if manifest.units is None else SentenceIndex(index, Units.read(folder / UNITS, manifest.passages))


def _open_vectors(path: Path, count: int, manifest: IndexManifest, mapped: bool = False) -> DenseIndex:
    return DenseIndex(path, count, manifest.encoder.dimension, manifest.config.dense.ef_search, mapped)


def _open_cold(folder: Path, manifest: IndexManifest, dense: VectorIndex) -> ColdTier | None:
    if not isinstance(dense, TieredDense):
        return None
    words = open_sparse(manifest.sparse_engine, folder / COLD / SPARSE, manifest.config.sparse)
    return ColdTier(dense.cold, TierSparse(words, dense.cold.rows))
