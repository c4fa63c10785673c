"""What a forward index is built with, and the names of its fields and files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

FORMAT = 1
"""Version of the layout; a newer one is refused."""

Field = Literal["analysed", "unstemmed", "wordpiece"]
FIELDS: tuple[Field, ...] = ("analysed", "unstemmed", "wordpiece")
"""Three readings of title and text: the word index's terms, plain words, and tokens of the encoder."""

ABOUT = "forward.json"
"""Counts and settings; written last, so that a folder without it is no forward index."""

TOKENIZER = "tokenizer.json"
TRANSLATIONS = "translations"

LONGEST_TITLE = 65_535
"""Tokens of a title that are told apart from the text; the rest of a longer title counts as text."""


@dataclass(frozen=True, slots=True)
class ForwardSettings:
    """What decides the contents of a forward index, beside the passages."""

    language: str
    """Of the word index: one of `SparseConfig.language`."""
    tokenizer: Path
    """The encoder's `tokenizer.json`."""
