"""Lines of queries and judgments: text, numbered, decompressed; what cannot be read is an error."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tamis.errors import InvalidInput
from tamis.indexer.corpus.lines import read_lines
from tamis.indexer.corpus.raw import Meter
from tamis.indexer.passage import BadRecord

LONGEST = 1 << 24
"""Bytes of a line."""


def text_lines(path: Path) -> Iterator[tuple[str, str]]:
    """Yield where each line stands (`file:number`) and its text; blank lines are left out.

    Raises:
        InvalidInput: the file cannot be read to its end, or a line is no UTF-8.
    """
    for item in read_lines(path, LONGEST, Meter()):
        if isinstance(item, BadRecord):
            raise InvalidInput(f"{item.source}: {item.reason}")
        number, line = item
        try:
            yield f"{path}:{number}", line.decode()
        except UnicodeDecodeError:
            raise InvalidInput(f"{path}:{number}: expected UTF-8 text, got {line[:80]!r}") from None


def first_of(folder: Path, *names: str) -> Path | None:
    """Find the first file of these names in a folder, plain or compressed."""
    paths = (folder / f"{name}{suffix}" for name in names for suffix in ("", ".gz", ".zst"))
    return next((path for path in paths if path.is_file()), None)
