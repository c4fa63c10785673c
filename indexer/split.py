"""Documents to passages: at sentence boundaries, within a window of tokens, with an overlap."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from semantic_text_splitter import MarkdownSplitter, TextSplitter
from tokenizers import Tokenizer

from tamis.errors import DamagedFile

from .config import SplitConfig
from .passage import Document, Passage

SOFT_BREAK = re.compile(r"\r?\n(?<=[^\n]{40}\n)(?=[\"'(]?[^\W\d_])")
"""A newline after a long line and before a letter: the text was wrapped there, no thought ends."""

UNBROKEN = r"[^\s\u3002\uff01\uff1f]"
"""Neither white space nor the end of a sentence in Chinese or Japanese."""

CHARS_PER_TOKEN = 4
"""An English token's usual length, the measure where no encoder is at hand."""

LONGEST_TOKEN = 8
"""Characters a token on average at most; what an encoder does not know is one token, however long."""

ROOM_STEP = 8
"""Room beside titles is rounded down to this, so that few splitters serve all titles."""


class Splitter:
    """Cuts documents into passages whose title and text fit the encoder's window.

    Files are always cut, records only when the configuration enables it.
    """

    def __init__(self, config: SplitConfig, tokenizer: Path | None) -> None:
        """Prepare the cutting.

        Args:
            config: window and overlap.
            tokenizer: the encoder's `tokenizer.json`; without one, a token is taken as four characters.

        Raises:
            DamagedFile: the tokenizer cannot be read.
        """
        self._config = config
        self._tokenizer = None if tokenizer is None else _open(tokenizer)
        self._cutter = lru_cache(maxsize=None)(self._new_cutter)
        self._longest = 2 * LONGEST_TOKEN * config.tokens
        self._long_line = re.compile(rf"(?<![^\n])[^\n]{{{self._longest},}}")
        self._long_run = re.compile(rf"(?<!{UNBROKEN}){UNBROKEN}{{{self._longest},}}")
        self._by_length = TextSplitter(LONGEST_TOKEN * config.tokens, overlap=CHARS_PER_TOKEN * config.overlap)

    def split(self, document: Document) -> list[Passage]:
        """Give the passages of a document in their order; a record that is not cut keeps its id."""
        title, metadata = document.title, document.metadata
        if not (document.is_file or self._config.enabled):
            return [Passage(document.id, document.id, title, document.text, metadata)]
        markdown = document.is_file and document.id.lower().endswith(".md")
        room = self._room(title)
        return [
            Passage(f"{document.id}#{number}", document.id, title, text, metadata)
            for number, text in enumerate(self._pieces(document.text, markdown, room) or [""])
        ]

    def _pieces(self, text: str, markdown: bool, room: int) -> list[str]:
        cutter = self._cutter(markdown, room)
        unwrapped = SOFT_BREAK.sub(lambda found: " " * len(found[0]), text)  # keeps every offset
        pieces: list[str] = []
        for start, end in self._stretches(unwrapped):
            pieces += self._cut(text[start:end], unwrapped[start:end], cutter, room)
        return pieces

    def _stretches(self, text: str) -> Iterator[tuple[int, int]]:
        """Set apart lines far longer than a passage, and in them runs without white space, in parts of that length.

        The cutter weighs all that is left of such a line anew for each passage: one of 180 kB took it 36 s.
        """
        for start, end, is_long in _apart(self._long_line, text, 0, len(text)):
            for first, last, is_run in _apart(self._long_run, text, start, end) if is_long else [(start, end, False)]:
                step = self._longest if is_run else len(text) or 1
                for part in range(first, last, step):
                    yield part, min(part + step, last)

    def _cut(self, text: str, unwrapped: str, cutter: TextSplitter | MarkdownSplitter, room: int) -> list[str]:
        pieces = []
        for start, piece in cutter.chunk_indices(unwrapped):
            whole = text[start : start + len(piece)]
            if len(whole) > LONGEST_TOKEN * self._config.tokens:
                for part in self._by_length.chunks(whole):
                    pieces += cutter.chunks(part)  # half of a long unknown word may be many known tokens
            elif whole != piece and self.count(whole) > room:
                pieces += cutter.chunks(whole)  # to this tokenizer a newline is more than a space
            else:
                pieces.append(whole)
        return pieces

    def count(self, text: str) -> int:
        """Count tokens as the window counts them: without the encoder's special tokens."""
        if self._tokenizer is None:
            return -(-len(text) // CHARS_PER_TOKEN)
        return len(self._tokenizer.encode(text, add_special_tokens=False))

    def _room(self, title: str) -> int:
        """Give the tokens left beside the title; a title takes no more than half of the window."""
        tokens = self._config.tokens
        if not title:
            return tokens
        room = tokens - self.count(title) - 1
        return max(room - room % ROOM_STEP, tokens // 2)

    def _new_cutter(self, markdown: bool, room: int) -> TextSplitter | MarkdownSplitter:
        kind = MarkdownSplitter if markdown else TextSplitter
        overlap = min(self._config.overlap, room - 1)
        if self._tokenizer is None:
            return kind(CHARS_PER_TOKEN * room, overlap=CHARS_PER_TOKEN * overlap)
        return kind.from_huggingface_tokenizer(self._tokenizer, room, overlap=overlap)


def _apart(pattern: re.Pattern[str], text: str, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
    """Yield the spans between the matches and the matches themselves, in order; the flag tells them apart."""
    for match in pattern.finditer(text, start, end):
        yield start, match.start(), False
        yield *match.span(), True
        start = match.end()
    yield start, end, False


def _open(path: Path) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises plain Exception for all that it cannot read
        raise DamagedFile(f"tokenizer {str(path)!r} cannot be read ({error}); export the model again") from error
    tokenizer.no_truncation()  # a count that stops at the model's length would let every text through
    tokenizer.no_padding()
    return tokenizer
