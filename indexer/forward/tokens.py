"""Tokens: the token numbers of every passage in order, two or three bytes each, memory-mapped.

A token's position is its place in the passage and its count is how often it stands there, so neither is stored.
Low and high bits lie in files of their own: what searches for a few numbers reads the low ones, and rarely more.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .layout import LONGEST_TITLE

Numbers = npt.NDArray[np.int32]

_WAITING = 1 << 18
"""Tokens that are kept in memory before they go to the file."""


def load_array(path: Path, otherwise: type[np.generic] | None = None) -> npt.NDArray[Any]:
    """Map an array for reading; where `otherwise` is given and there is no file, an empty array of that type.

    Both are plain arrays that cannot be written: numba compiles once for both.
    """
    absent = otherwise is not None and not path.exists()
    found = np.empty(0, otherwise) if absent else np.load(path, mmap_mode="r", allow_pickle=False)
    view: npt.NDArray[Any] = np.asarray(found).view()
    view.flags.writeable = False
    return view


@dataclass(frozen=True, slots=True)
class Tokens:
    """One tokenisation of all passages.

    Passage `row` has tokens `ends[row]` to `ends[row + 1]`, the title's first.
    """

    ends: npt.NDArray[np.int64]
    """int64[passages + 1], the first one 0."""
    low: npt.NDArray[np.uint16]
    """The low 16 bits of each token's number."""
    high: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
    """The bits above; empty where the vocabulary needs none."""
    titles: npt.NDArray[np.uint16]
    """How many tokens of each passage are its title; empty where no passage has one."""

    @staticmethod
    def open(folder: Path) -> Tokens:
        """Map the files of one tokenisation."""
        return Tokens(
            ends=load_array(folder / "ends.npy"),
            low=load_array(folder / "low.npy"),
            high=load_array(folder / "high.npy", np.uint8),
            titles=load_array(folder / "titles.npy", np.uint16),
        )

    def __len__(self) -> int:
        return len(self.ends) - 1

    def of(self, row: int) -> Numbers:
        """Return the token numbers of a passage, int32[length]."""
        start, end = self.ends[row], self.ends[row + 1]
        numbers = self.low[start:end].astype(np.int32)
        return numbers | self.high[start:end].astype(np.int32) << 16 if len(self.high) else numbers

    def title_length(self, row: int) -> int:
        """Return how many tokens of a passage are its title."""
        return int(self.titles[row]) if len(self.titles) else 0


class TokenLog:
    """Takes the tokens of passages in order; they wait in a file until all of the vocabulary is known."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("wb")
        self._waiting = array("I")
        self.lengths = array("I")
        self.titles = array("H")

    def add(self, title: list[int], text: list[int]) -> None:
        """Take the next passage."""
        self._waiting.extend(title)
        self._waiting.extend(text)
        self.lengths.append(len(title) + len(text))
        self.titles.append(min(len(title), LONGEST_TITLE))
        if len(self._waiting) >= _WAITING:
            self._flush()

    def _flush(self) -> None:
        self._waiting.tofile(self._file)
        self._waiting = array("I")

    def finish(self) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
        """End the log; return all tokens as mapped from the file, and the ends as `Tokens` has them."""
        self._flush()
        self._file.close()
        ends = np.zeros(len(self.lengths) + 1, np.int64)
        np.cumsum(np.frombuffer(self.lengths, np.uint32), out=ends[1:])
        if not ends[-1]:
            return np.empty(0, np.uint32), ends
        return np.memmap(self._path, np.uint32, "r"), ends


class TokenWriter:
    """Writes the files of one tokenisation, part after part."""

    def __init__(self, folder: Path, ends: npt.NDArray[np.int64], titles: array[int], vocabulary: int) -> None:
        np.save(folder / "ends.npy", ends, allow_pickle=False)
        if any(titles):
            np.save(folder / "titles.npy", np.frombuffer(titles, np.uint16), allow_pickle=False)
        size = (int(ends[-1]),)
        create = np.lib.format.open_memmap
        self._low = create(folder / "low.npy", "w+", np.uint16, size) if size[0] else np.empty(0, np.uint16)
        if not size[0]:
            np.save(folder / "low.npy", self._low, allow_pickle=False)
        self._high: npt.NDArray[np.uint8] | npt.NDArray[np.uint16] | None = None
        if vocabulary > 1 << 16 and size[0]:
            self._high = create(folder / "high.npy", "w+", np.uint8 if vocabulary <= 1 << 24 else np.uint16, size)

    def write(self, start: int, numbers: Numbers) -> None:
        """Put the numbers of tokens `start` and following."""
        end = start + len(numbers)
        self._low[start:end] = numbers & 0xFFFF
        if self._high is not None:
            self._high[start:end] = numbers >> 16
