"""Passages to vectors in shards, so that a build that was stopped goes on where it was."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tamis.files import whole
from tamis.models.encoder import Encoder

from .dense import Vectors
from .progress import Report

SHARD = 2_048
"""Texts in one shard: some tens of seconds of work on a CPU."""


def encode_texts(contents: Iterator[str], count: int, encoder: Encoder, folder: Path, report: Report) -> None:
    """Write the vectors of `count` texts to `folder`, leaving finished shards as they are."""
    folder.mkdir(exist_ok=True)
    for number, start in enumerate(range(0, count, SHARD)):
        texts = list(islice(contents, SHARD))
        path = shard_path(folder, number)
        if not path.exists():
            vectors = encoder.encode(texts, "passage", partial(_further, report, start))
            with whole(path) as temporary, temporary.open("wb") as file:
                np.save(file, vectors, allow_pickle=False)
        report(start + len(texts))


def _further(report: Report, start: int, done: int) -> None:
    report(start + done)


def shard_path(folder: Path, number: int) -> Path:
    """Name the file of a shard."""
    return folder / f"{number:06d}.npy"


def chosen(shards: Iterator[Vectors], rows: npt.NDArray[np.int32]) -> Iterator[Vectors]:
    """Yield the vectors of some rows, in shards of the size that they would have had alone.

    HNSW's graph depends on what is added together; so it is the graph of an index of these passages alone.

    Args:
        shards: of all rows, in order.
        rows: ascending.
    """
    waiting, start = list[Vectors](), 0
    for shard in shards:
        first, last = np.searchsorted(rows, (start, start + len(shard)))
        waiting.append(shard[rows[first:last] - start])
        start += len(shard)
        while sum(map(len, waiting)) >= SHARD:
            joined = np.concatenate(waiting)
            yield joined[:SHARD]
            waiting = [joined[SHARD:]]
    if any(map(len, waiting)):
        yield np.concatenate(waiting)


def read_shards(folder: Path, count: int) -> Iterator[Vectors]:
    """Yield the vectors shard by shard in row order: float32[n, dimension] each."""
    for number in range(-(-count // SHARD)):
        yield np.load(shard_path(folder, number), allow_pickle=False)
