"""Vectors of a new version: taken from an old one where the text is the same, encoded where it is new."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from tamis.files import whole
from tamis.models.encoder import Encoder

from .dense import Vectors
from .encoding import SHARD, shard_path
from .forward.known import KnownTokens
from .forward.layout import ABOUT
from .installed import CUTTERS, SPLITTER, versions_here
from .manifest import IndexManifest
from .passages import PassageStore
from .published import FORWARD, PASSAGES, open_dense
from .sentence_index import SentenceIndex
from .sentences import units_of
from .steps import Steps
from .units import UNITS, Units

NEW = -1
"""Source of a passage whose text the old version does not hold."""

Sources = npt.NDArray[np.int64]
"""For each passage of the new version the row of the old one whose vectors it takes, or NEW: int64[passages]."""


def encode_changed(steps: Steps, sources: Sources, folder: Path, old: IndexManifest) -> None:
    """Write the vectors of a new version shard by shard; only new passages are encoded.

    Args:
        steps: of the new version, whose passages and units are written.
        sources: where each passage's vectors come from.
        folder: of the old version.
        old: its manifest.
    """
    target = steps.work / "vectors"
    target.mkdir(exist_ok=True)
    index = open_dense(folder, old)
    dense = index.sentences if isinstance(index, SentenceIndex) else index
    passages = PassageStore(steps.finished / PASSAGES)
    units = steps.units()
    if units is not None:
        sources = _of_units(sources, units, Units.read(folder / UNITS, old.passages), old)
    try:
        with (
            steps.phase("encode", int((sources == NEW).sum()), steps.config.dense.units + "s") as report,
            Encoder.open(steps.passage_bundle, device=steps.device) as encoder,
        ):
            done = 0
            for number, start in enumerate(range(0, len(sources), SHARD)):
                part = sources[start : start + SHARD]
                new = np.flatnonzero(part == NEW)
                vectors = np.empty((len(part), encoder.dimension), np.float32)
                known = part != NEW
                if known.any():
                    vectors[known] = dense.vectors(part[known].astype(np.int32))
                if len(new):
                    vectors[new] = encoder.encode(_texts(passages, units, new + start), "passage")
                _write(shard_path(target, number), vectors)
                done += len(new)
                report(done)
    finally:
        passages.close()


def known_tokens(sources: Sources, folder: Path, old: IndexManifest, steps: Steps) -> KnownTokens | None:
    """Return the tokens of unchanged passages; None where the old version has none, or cut them in another way."""
    here = versions_here()
    same = all(old.built_with.get(name) == here.get(name) for name in ("tamis", *CUTTERS))
    same = same and old.encoder.query_fingerprint == steps.query_bundle.fingerprint
    return KnownTokens(folder / FORWARD, sources) if same and f"{FORWARD}/{ABOUT}" in old.files else None


def _write(path: Path, vectors: Vectors) -> None:
    with whole(path) as temporary, temporary.open("wb") as file:
        np.save(file, vectors, allow_pickle=False)


def _of_units(sources: Sources, units: Units, before: Units, old: IndexManifest) -> Sources:
    """Say of each unit what is said of its passage: int64[units]."""
    if old.built_with.get(SPLITTER) != versions_here()[SPLITTER]:
        return np.full(len(units), NEW, np.int64)  # another version of the splitter may end sentences elsewhere
    found = np.full(len(units), NEW, np.int64)
    rows = np.flatnonzero(sources != NEW)
    found[units.ranges(rows)] = before.ranges(sources[rows])
    return found


def _texts(passages: PassageStore, units: Units | None, numbers: npt.NDArray[np.int64]) -> list[str]:
    """Return what is encoded for some vectors of the new version."""
    if units is None:
        return [passage.contents for passage in passages.take(numbers.astype(np.int32))]
    parents = units.parents(numbers)
    rows = np.unique(parents)
    cut = dict(zip(rows.tolist(), map(units_of, passages.take(rows)), strict=True))
    places = numbers - units.starts[parents]
    return [cut[row][place] for row, place in zip(parents.tolist(), places.tolist(), strict=True)]
