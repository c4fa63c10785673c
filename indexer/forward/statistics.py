"""FieldStatistics: how often each term of a field is in the collection."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .tokens import load_array


@dataclass(frozen=True, slots=True)
class FieldStatistics:
    """What a collection says about a field."""

    documents: int
    """Passages with at least one token in this field, as Lucene counts them."""
    tokens: int
    """All tokens of the field."""
    df: npt.NDArray[np.int32]
    """Passages that hold each term: int32[vocabulary]."""
    cf: npt.NDArray[np.int64]
    """Times each term stands in the collection: int64[vocabulary]."""

    @staticmethod
    def open(folder: Path, documents: int, tokens: int) -> FieldStatistics:
        """Map the counts in `folder`."""
        df, cf = (load_array(folder / f"{name}.npy") for name in ("df", "cf"))
        return FieldStatistics(documents, tokens, df, cf)

    def write(self, folder: Path) -> None:
        """Save the counts by term."""
        np.save(folder / "df.npy", self.df, allow_pickle=False)
        np.save(folder / "cf.npy", self.cf, allow_pickle=False)


class Counting:
    """Adds up a field's statistics, part after part of the passages."""

    def __init__(self, vocabulary: int) -> None:
        self._vocabulary = vocabulary
        self._df = np.zeros(vocabulary, np.int32)
        self._cf = np.zeros(vocabulary, np.int64)
        self._documents = 0

    def add(self, rows: npt.NDArray[np.int64], numbers: npt.NDArray[np.int32]) -> None:
        """Count tokens: the row of each, ascending, and its number, or a negative one where it is no term."""
        kept = numbers >= 0
        rows, numbers = rows[kept], numbers[kept]
        self._cf += np.bincount(numbers, minlength=self._vocabulary)
        once = np.unique(rows * self._vocabulary + numbers)
        self._df += np.bincount(once % self._vocabulary, minlength=self._vocabulary).astype(np.int32)
        self._documents += len(np.unique(rows))

    def finish(self) -> FieldStatistics:
        """Return what was counted."""
        return FieldStatistics(self._documents, int(self._cf.sum()), self._df, self._cf)
