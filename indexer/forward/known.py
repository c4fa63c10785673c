"""KnownTokens: the tokens of passages that an older version holds, so that they are not cut again."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .tokens import Numbers, Tokens
from .vocabulary import Vocabulary

Cut = tuple[list[int], list[int]]
"""Numbers of the tokens of a title and of a text."""


class KnownTokens:
    """Reads the tokens of an older forward index of the same language and tokenizer, in numbers of a new one."""

    def __init__(self, folder: Path, sources: npt.NDArray[np.int64]) -> None:
        """Open the older one.

        Args:
            folder: of the older forward index.
            sources: the row there of each passage of the new one, negative where its text is new: int64[passages].
        """
        self.sources = sources
        self._words, self._pieces = Tokens.open(folder / "words"), Tokens.open(folder / "pieces")
        self._strings = Vocabulary(folder / "words")
        self._numbers = np.full(len(self._strings), -1, np.int64)
        """The new number of each word; negative where it did not come yet."""

    def pieces(self, row: int) -> Cut:
        """Return the encoder's tokens of a passage, by its row in the older index."""
        return _parts(self._pieces.of(row), self._pieces.title_length(row))

    def words(self, row: int, numbers: defaultdict[str, int]) -> Cut:
        """Return the words of a passage under their new numbers; a word that comes first here gets its number."""
        known = self._words.of(row)
        for word in known[self._numbers[known] < 0].tolist():
            self._numbers[word] = numbers[self._strings[word]]
        return _parts(self._numbers[known], self._words.title_length(row))


def _parts(tokens: Numbers | npt.NDArray[np.int64], title: int) -> Cut:
    return tokens[:title].tolist(), tokens[title:].tolist()
