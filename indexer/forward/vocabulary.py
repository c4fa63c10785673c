"""Vocabulary: strings to numbers, memory-mapped; the number of a string is its place in sorted order."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

from .tokens import load_array

UNKNOWN = -1
"""Number of a string that the collection does not hold."""

REMEMBERED = 1 << 14
"""Strings whose numbers are kept in memory: most words of queries come again."""


def encoded(string: str) -> bytes:
    """Give the bytes by which strings are sorted and stored."""
    return string.encode("utf-8", "surrogatepass")


class Vocabulary:
    """Finds numbers of strings in a few microseconds; holds nothing in memory but the pages in use."""

    def __init__(self, folder: Path) -> None:
        ends = load_array(folder / "string_ends.npy")
        strings = load_array(folder / "strings.npy")
        self._ends = memoryview(ends.data)  # items and slices of a memoryview cost a tenth of numpy's
        self._strings = memoryview(strings.data)
        self.find = lru_cache(REMEMBERED)(self._find)
        """Return the number of a string, or UNKNOWN."""

    @staticmethod
    def write(strings: Sequence[bytes], folder: Path) -> None:
        """Save sorted, distinct strings: their bytes one after the other, and where each ends (int64)."""
        np.save(folder / "strings.npy", np.frombuffer(b"".join(strings), np.uint8), allow_pickle=False)
        ends = np.cumsum([len(string) for string in strings], dtype=np.int64)
        np.save(folder / "string_ends.npy", ends, allow_pickle=False)

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, number: int) -> str:
        return self._bytes(range(len(self))[number]).decode("utf-8", "surrogatepass")

    def add_to(self, digest: Hash) -> None:
        """Add the strings and their order, which are all that decides the numbers."""
        digest.update(self._ends)
        digest.update(self._strings)

    def _bytes(self, number: int) -> bytes:
        start = self._ends[number - 1] if number else 0
        return bytes(self._strings[start : self._ends[number]])

    def _find(self, string: str) -> int:
        wanted = encoded(string)
        place = bisect_left(range(len(self)), wanted, key=self._bytes)
        return place if place < len(self) and self._bytes(place) == wanted else UNKNOWN
