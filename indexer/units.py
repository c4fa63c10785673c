"""Units: which vectors belong to which passage, where each passage has several."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tamis.errors import DamagedFile

from .passages import PassageStore
from .sentences import units_of

UNITS = "units.npy"


@dataclass(frozen=True, slots=True)
class Units:
    """The units of all passages, numbered in the order of the passages and of the sentences in each."""

    starts: npt.NDArray[np.int32]
    """First unit of each passage, and the number of all units: int32[passages + 1]; each passage has one or more."""

    @staticmethod
    def of(passages: PassageStore) -> Units:
        """Cut every passage into its sentences, and count them."""
        counts = (len(units_of(passage)) for passage in passages)
        return Units(np.fromiter(accumulate(counts, initial=0), np.int32, len(passages) + 1))

    @staticmethod
    def read(path: Path, passages: int) -> Units:
        """Read what `write` wrote.

        Raises:
            DamagedFile: the file is of other passages.
        """
        starts = np.load(path, allow_pickle=False)
        if starts.shape != (passages + 1,) or starts[0] != 0 or (np.diff(starts) < 1).any():
            raise DamagedFile(f"{path} does not say where the units of {passages} passages are; build again")
        return Units(starts)

    def write(self, path: Path) -> None:
        """Write them to a file."""
        with path.open("wb") as file:
            np.save(file, self.starts, allow_pickle=False)

    def __len__(self) -> int:
        return int(self.starts[-1])

    @property
    def passages(self) -> int:
        """How many passages there are."""
        return len(self.starts) - 1

    def parents(self, units: npt.NDArray[np.integer]) -> npt.NDArray[np.int32]:
        """Return the row of the passage that each unit belongs to: int32[n]."""
        return (np.searchsorted(self.starts, units, side="right") - 1).astype(np.int32)

    def expanded(self, allowed: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Repeat what is said of each passage for each of its units: bool[passages] to bool[units]."""
        return np.repeat(allowed, np.diff(self.starts))

    def ranges(self, rows: npt.NDArray[np.integer]) -> npt.NDArray[np.int32]:
        """Return the units of some passages, one passage after the other: int32[n]."""
        first, count = self.starts[rows], self.starts[rows + 1] - self.starts[rows]
        within = np.arange(int(count.sum()), dtype=np.int32) - np.repeat(np.cumsum(count) - count, count)
        found: npt.NDArray[np.int32] = (np.repeat(first, count) + within).astype(np.int32)
        return found


def unit_texts(passages: PassageStore) -> Iterator[str]:
    """Stream the text of every unit, in order."""
    for passage in passages:
        yield from units_of(passage)
