"""Puts pruned passages back, or takes more out: a new version of what is there, encoding only what is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import merge
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tamis.errors import InvalidInput, NotFound
from tamis.files import link_or_copy, remove
from tamis.models.session import Device

from .config import IndexConfig
from .dense import Vectors
from .encoding import SHARD, shard_path
from .ingest import REJECTS
from .manifest import IndexManifest, PruningEntry
from .passage import Passage
from .passages import PassageStore, PassageWriter
from .progress import Progress, Quiet
from .published import PASSAGES
from .quality.role import Scores
from .quality.store import QUALITY, PrunedPassage, pruned_rows, read_pruned, read_quality
from .reuse import NEW, encode_changed
from .steps import Steps
from .versions import IndexFolder


def restore(path: Path, progress: Progress | None = None, device: Device = "cpu") -> IndexManifest:
    """Publish a version of the current one with the pruned passages back in their places, and make it current.

    Vectors that are there are taken over; only the pruned passages are encoded, and those of a cold tier are not. The
    result is what a build without pruning would have made.

    Args:
        path: folder of the index.
        progress: who is told how far it is.
        device: where the pruned passages are encoded.

    Raises:
        NotFound: nothing was pruned.
        DamagedFile: the version differs from its manifest.
        BuildError: another process writes to the index.
    """
    index = IndexFolder(path)
    with index.lock():
        source = index.current()
        manifest = IndexManifest.read(source)
        manifest.verify(source)
        if manifest.pruning is None or not manifest.pruning.pruned:
            raise NotFound(f"{path} left nothing out at version {manifest.version}: there is nothing to restore")
        pruning = manifest.pruning.model_copy(update={"pruned": 0, "duplicates": 0, "certificate": None, "saved": None})
        config = whole_config(manifest.config)
        steps = Steps.prepare(index, manifest.corpus.sha256, config, progress or Quiet(), device)
        steps.after = manifest.created
        remove(steps.work)
        steps.finished.mkdir(parents=True)
        _put_back(source, manifest, steps)
        restored = finish(steps, manifest, pruning)
        index.publish(steps.finished, restored.version)
        remove(steps.work)
        return restored


def whole_config(config: IndexConfig) -> IndexConfig:
    """Return a configuration that scores as this one does, and leaves nothing out."""
    kept = {"estimator": config.quality.used, "prune": 0.0, "duplicates": "keep", "cold": False}
    return config.model_copy(update={"quality": config.quality.model_copy(update=kept)})


def finish(steps: Steps, source: IndexManifest, pruning: PruningEntry | None) -> IndexManifest:
    """Index the passages and vectors that lie in a work folder, and write the manifest."""
    steps.make_dense()
    steps.make_sparse()
    steps.make_forward()
    return steps.describe(source.corpus, pruning)


def _put_back(source: Path, manifest: IndexManifest, steps: Steps) -> None:
    kept = PassageStore(source / PASSAGES)
    apart = not manifest.cold  # else they are among the others, with their vectors
    out = pruned_rows(source) if apart else np.empty(0, np.int32)
    total = len(kept) + len(out)
    places = np.setdiff1d(np.arange(total, dtype=np.int32), out)
    quality = np.empty(total, np.float32)
    scores = read_quality(source)
    quality[places] = scores if scores is not None else np.nan
    returned = list(read_pruned(source)) if apart else []
    quality[out] = [one.score for one in returned]
    write_parts(steps, _in_order(kept, places, returned), quality)
    if (source / REJECTS).is_file():
        link_or_copy(source / REJECTS, steps.finished / REJECTS)
    kept.close()
    sources = np.full(total, NEW, np.int64)
    sources[places] = np.arange(len(places))
    steps.make_units()
    encode_changed(steps, sources, source, manifest)


def _in_order(kept: PassageStore, places: npt.NDArray[np.int32], returned: list[PrunedPassage]) -> Iterator[Passage]:
    staying = zip(places.tolist(), kept, strict=True)
    coming = ((one.row, one.passage) for one in returned)
    return (passage for _, passage in merge(staying, coming, key=lambda pair: pair[0]))


def write_parts(steps: Steps, passages: Iterator[Passage], quality: Scores | None) -> None:
    """Write passages and their scores to where the other steps of a build look for them."""
    with PassageWriter(steps.finished / PASSAGES, steps.config.corpus.metadata) as writer:
        writer.write(passages)
    if quality is not None:
        np.save(steps.finished / QUALITY, quality, allow_pickle=False)


def write_shards(steps: Steps, total: int, vectors: Callable[[npt.NDArray[np.int32]], Vectors]) -> None:
    """Write passages' vectors to where the vector index is made from; `vectors` gives those of some rows.

    Raises:
        InvalidInput: the index has vectors of sentences.
    """
    if steps.config.dense.units != "passage":
        raise InvalidInput(
            f"trials are made from vectors of passages, this index has some for each {steps.config.dense.units}: "
            'build it with dense.units = "passage" to try what pruning does'
        )
    folder = steps.work / "vectors"
    folder.mkdir(parents=True, exist_ok=True)
    for number, start in enumerate(range(0, total, SHARD)):
        rows = np.arange(start, min(start + SHARD, total), dtype=np.int32)
        np.save(shard_path(folder, number), vectors(rows), allow_pickle=False)
