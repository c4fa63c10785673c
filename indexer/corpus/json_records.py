"""JSON text to the object of one record, or the reason why it is none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson

from ..passage import BadRecord
from .lines import excerpt, printable, read_lines
from .raw import Meter

JsonLine = tuple[int, bytes, dict[str, object]]
"""A line's number from 1, its bytes, and the object that it holds."""


def json_lines(path: Path, limit: int, meter: Meter) -> Iterator[JsonLine | BadRecord]:
    """Yield the object of each line; a line that holds none, or of more than `limit` bytes, is bad."""
    for item in read_lines(path, limit, meter):
        if isinstance(item, BadRecord):
            yield item
            continue
        number, line = item
        fields = parse_object(line)
        if isinstance(fields, str):
            yield BadRecord(f"{printable(path)}:{number}", fields, excerpt(line))
        else:
            yield number, line, fields


def parse_object(line: bytes) -> dict[str, object] | str:
    """Parse one JSON object, or say what is wrong with it."""
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return json_fault(line, error)
    return value if isinstance(value, dict) else f"not a JSON object but {_named(value)}"


def json_fault(data: bytes, error: orjson.JSONDecodeError) -> str:
    """Say what is wrong with JSON text: its encoding, a lone surrogate, or its syntax."""
    try:
        data.decode()
    except UnicodeDecodeError as encoding:
        return utf8_fault(data, encoding)
    if "surrogate" in error.msg:
        return f"lone surrogate in a string at column {error.colno}"
    return f"malformed JSON at column {error.colno}: {error.msg}"


def utf8_fault(data: bytes, error: UnicodeDecodeError) -> str:
    """Say where bytes stop being UTF-8; the offset counts from 0."""
    return f"invalid UTF-8: byte 0x{data[error.start]:02x} at byte offset {error.start}"


def _named(value: object) -> str:
    if isinstance(value, list):
        return "an array"
    return "a bare value"
