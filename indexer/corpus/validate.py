"""The one place that decides whether a record can be indexed: readers parse, this module judges."""

from __future__ import annotations

import math
import re

from ..config import CorpusConfig
from ..passage import BadRecord, Document, Metadata
from .lines import excerpt
from .raw import Missing, Raw
from .seen import SeenIds

LONGEST_ID = 4096
"""Characters; Lucene refuses a term of more than 32,766 bytes."""

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
INT64 = range(-(2**63), 2**63)
LINE_BITS = 40

TYPE_NAMES: dict[type, str] = {
    type(None): "null", bool: "a boolean", int: "an integer", float: "a number", str: "a string",
    list: "an array", dict: "an object", bytes: "bytes",
}  # fmt: skip

DECLARED: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}


class _RecordError(Exception):
    """Why one record cannot be indexed."""


class Validator:
    """Turns raw records into documents or bad records; remembers the ids of one pass over a corpus."""

    def __init__(self, config: CorpusConfig) -> None:
        self._longest = config.max_text_chars
        self._declared = {name: (kind, DECLARED[kind]) for name, kind in config.metadata.items()}
        self._seen = SeenIds()
        self._files: list[str] = []

    def check(self, raw: Raw) -> Document | BadRecord:
        """Judge one record; every record of the corpus passes here once, in order."""
        try:
            id = _id(raw.id)  # noqa: A001
            title = "" if raw.title is None else self._string("title", raw.title)
            text = self._string("text", raw.text)
            if not text.strip() and not title.strip():
                raise _RecordError("text and title are both empty")
            metadata = self._metadata(raw)
            self._unseen(id, raw)
        except _RecordError as fault:
            return BadRecord(raw.source, str(fault), excerpt(raw.shown))
        return Document(id, title, text, metadata, raw.source, raw.is_file)

    def _string(self, name: str, value: object) -> str:
        if isinstance(value, Missing):
            raise _RecordError(f"no {name}: expected {value.expected}")
        if not isinstance(value, str):
            raise _RecordError(f"{name} is {_type_name(value)}, expected a string")
        if len(value) > self._longest:
            raise _RecordError(f"{name} of {len(value):,} characters; max_text_chars allows {self._longest:,}")
        return _clean(name, value)

    def _metadata(self, raw: Raw) -> Metadata:
        fields = raw.fields
        if isinstance(inner := fields.get("metadata"), dict):
            fields = inner | {name: value for name, value in fields.items() if name != "metadata"}
        metadata = {}
        for name, value in fields.items():
            if value is not None and value == value:  # a NaN is how tables without nulls write one
                metadata[name] = _value(name, value)
        for name, (kind, types) in self._declared.items():
            if name in metadata:
                _typed(name, metadata[name], kind, types)
        return metadata

    def _unseen(self, id: str, raw: Raw) -> None:  # noqa: A002
        if not self._files or self._files[-1] != raw.file:
            self._files.append(raw.file)
        first = self._seen.first(id, (len(self._files) - 1 << LINE_BITS) | raw.line)
        if first is not None:
            file, line = self._files[first >> LINE_BITS], first & ((1 << LINE_BITS) - 1)
            raise _RecordError(
                f"duplicate id {id!r}, first at {file}:{line}" if line else f"duplicate id {id!r}, first in {file}"
            )


def _id(value: object) -> str:
    if isinstance(value, Missing):
        raise _RecordError(f"no id: expected {value.expected}")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise _RecordError(f"id is {_type_name(value)}, expected a string or an integer")
    if not value.strip():
        raise _RecordError("id is empty")
    if len(value) > LONGEST_ID:
        raise _RecordError(f"id of {len(value):,} characters, at most {LONGEST_ID:,} are allowed")
    if control := CONTROL.search(value):
        raise _RecordError(f"id holds the control character U+{ord(control[0]):04X} at position {control.start()}")
    return _clean("id", value)


def _clean(name: str, value: str) -> str:
    """Refuse what neither UTF-8 files nor other programs can hold."""
    if "\0" in value:
        raise _RecordError(f"{name} holds a NUL character at position {value.index(chr(0))}")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            lone = ord(value[error.start])
            raise _RecordError(f"{name} holds the lone surrogate U+{lone:04X} at position {error.start}") from None
    return value


def _value(name: str, value: object) -> object:
    """Pass a scalar or a list of scalars; `name` is the field's, for the message."""
    if isinstance(value, str):
        return _clean(f"metadata field {name!r}", value)
    if isinstance(value, bool | int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, list) and not any(item is None or isinstance(item, list) for item in value):
        return [_value(name, item) for item in value]
    shown = value if isinstance(value, float) else _type_name(value)
    raise _RecordError(f"metadata field {name!r} is {shown}; expected a string, number, boolean, or an array of these")


def _typed(name: str, value: object, kind: str, types: tuple[type, ...]) -> None:
    fits = type(value) in types and (type(value) is not int or value in INT64)
    if not fits:
        raise _RecordError(f"metadata field {name!r} is {_type_name(value)} ({excerpt(value)}), declared as {kind}")


def _type_name(value: object) -> str:
    return TYPE_NAMES.get(type(value), f"a {type(value).__name__}")
