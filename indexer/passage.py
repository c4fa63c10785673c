"""Document and Passage: what comes in, and what is indexed and shown."""

from __future__ import annotations

from dataclasses import dataclass, field

Scalar = str | int | float | bool
"""What a metadata value may be; lists of these are allowed too."""

Metadata = dict[str, object]
"""Metadata of one document: names to scalars or lists of scalars (JSON values)."""


@dataclass(frozen=True, slots=True)
class Document:
    """One record of a corpus, before it is split into passages."""

    id: str
    title: str
    text: str
    metadata: Metadata = field(default_factory=dict)
    source: str = ""
    """Where it was read: `file:line`, or the file itself."""
    is_file: bool = False
    """A whole file, which is always split; a record keeps its id unless splitting is asked for."""


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A record that cannot be indexed, and why."""

    source: str
    reason: str
    raw: str = ""
    """The start of the offending line, for the person who has to mend it."""


@dataclass(frozen=True, slots=True)
class Passage:
    """What is indexed, retrieved and shown; its `row` is its position in one index."""

    id: str
    document_id: str
    title: str
    text: str
    metadata: Metadata = field(default_factory=dict)

    @property
    def contents(self) -> str:
        """Title and text as one string: what both first stages index."""
        return f"{self.title}\n{self.text}" if self.title else self.text
