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
from .units import UNITS, Units
from .versions import IndexFolder

PASSAGES = "passages.arrow"
VECTORS = "vectors.faiss"
SPARSE = "sparse"
ENCODER = "encoder"
FORWARD = "forward"
BLEND = "blend"


@dataclass(frozen=True, slots=True)
class PublishedIndex:
    """All parts of one version, verified and open; safe to use from several threads."""

    folder: Path
    manifest: IndexManifest
    passages: PassageStore
    ids: IdOrder
    sparse: SparseIndex
    dense: DenseIndex | SentenceIndex
    encoder: Encoder
    forward: ForwardIndex | None
    """None: the index was built without one."""
    quality: Scores | None = None
    """Score of each passage, float32[passages]; None: the index was built without an estimator."""

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
        return PublishedIndex(
            folder=folder,
            manifest=manifest,
            passages=passages,
            ids=IdOrder(passages, folder),
            sparse=open_sparse(manifest.sparse_engine, folder / SPARSE, config.sparse),
            dense=_open_dense(folder, manifest),
            encoder=Encoder.open(ModelBundle.open(folder / ENCODER), device=device),
            forward=ForwardIndex.open(folder / FORWARD) if f"{FORWARD}/{ABOUT}" in manifest.files else None,
            quality=read_quality(folder),
        )

    def close(self) -> None:
        """Let go of files, threads and models."""
        self.sparse.close()
        self.encoder.close()
        self.passages.close()

    def __enter__(self) -> PublishedIndex:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _open_dense(folder: Path, manifest: IndexManifest) -> DenseIndex | SentenceIndex:
    dimension, breadth = manifest.encoder.dimension, manifest.config.dense.ef_search
    index = DenseIndex(folder / VECTORS, manifest.vectors, dimension, breadth)
    return index if manifest.units is None else SentenceIndex(index, Units.read(folder / UNITS, manifest.passages))
