"""A trial: an index pruned for real, from the vectors of the whole one, in a folder that is thrown away."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from tamis.files import link_or_copy
from tamis.indexer.dense import kind_for
from tamis.indexer.manifest import IndexManifest, searched_bytes
from tamis.indexer.progress import Quiet
from tamis.indexer.published import BLEND, VECTORS, PublishedIndex
from tamis.indexer.restore import finish, write_parts, write_shards
from tamis.indexer.steps import Steps
from tamis.indexer.versions import IndexFolder


def make_trial(
    whole: PublishedIndex, keep: npt.NDArray[np.int32], scores: npt.NDArray[np.float32], out: Path
) -> IndexManifest:
    """Build an index of some of another one's passages; nothing is encoded again.

    Above the size where HNSW is used, the vectors are searched exactly: a graph would take longest by far, and differs
    by the recall that the manifest names.

    Args:
        whole: open.
        keep: rows that stay, in ascending order.
        scores: of all its passages.
        out: folder of the trial.
    """
    config = whole.manifest.config
    dense = config.dense.model_copy(update={"flat_below": max(config.dense.flat_below, len(keep) + 1)})
    config = config.model_copy(update={"dense": dense})
    index = IndexFolder(out)
    with index.lock():
        steps = Steps.prepare(index, whole.manifest.corpus.sha256, config, Quiet(), "cpu")
        steps.finished.mkdir(parents=True)
        write_parts(steps, iter(whole.passages.take(keep)), scores[keep])
        write_shards(steps, len(keep), lambda rows: whole.dense.vectors(keep[rows]))
        _carry_blend(whole, steps.finished)
        manifest = finish(steps, whole.manifest, None)
        index.publish(steps.finished, manifest.version)
        return manifest


def stored_bytes(whole: IndexManifest, trial: IndexManifest) -> int:
    """Return the bytes searched of the index that a trial stands for: its graph in proportion to that of the whole."""
    found = searched_bytes(trial.files)
    if kind_for(trial.passages, whole.config.dense) == whole.dense_kind != trial.dense_kind:
        share = trial.passages / whole.passages
        found += round(whole.files[VECTORS].bytes * share) - trial.files[VECTORS].bytes
    return found


def _carry_blend(whole: PublishedIndex, target: Path) -> None:
    """Give the trial the blend that was trained on the whole index, as a build would not: it has to be proved too."""
    for name in whole.manifest.files:
        if name.startswith(f"{BLEND}/"):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            link_or_copy(whole.folder / name, target / name)
