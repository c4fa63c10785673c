"""What readers hand to the validator: one record as it was found, nothing yet believed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

ID_FIELDS = ("_id", "id", "docid", "docno")
"""Names under which the field's collections keep a record's id."""

TEXT_FIELDS = ("contents", "text", "body", "content")
"""Names under which the field's collections keep a record's text; `contents` (Pyserini) goes first."""


@dataclass(frozen=True, slots=True)
class Missing:
    """Stands for a field that the record does not have."""

    expected: str
    """The names that would have been accepted, for the message."""


class Raw(NamedTuple):
    """One record as its reader found it; `None` is a null in the source."""

    file: str
    line: int
    """Line, item or row, from 1; 0 when the record is the whole file."""
    id: object
    title: object
    text: object
    fields: Mapping[str, object]
    """All other fields of the record."""
    shown: object
    """The line or row itself, for messages."""
    is_file: bool = False

    @property
    def source(self) -> str:
        """Where the record was read: `file:line`, or the file itself."""
        return f"{self.file}:{self.line}" if self.line else self.file


class Meter:
    """Counts the bytes read so far and tells them to a progress display."""

    def __init__(self, progress: Callable[[int], None] | None = None) -> None:
        self.done = 0
        self._progress = progress

    def add(self, count: int) -> None:
        """Count `count` more bytes, as they lie on disk."""
        self.done += count
        if self._progress is not None:
            self._progress(self.done)
