"""Pyserini's JsonCollection: `id` and `contents` in .jsonl lines, or in .json files of one object or an array."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import orjson

from ..passage import BadRecord
from .json_records import json_fault, json_lines
from .lines import BOM, CODECS, excerpt, open_bytes, printable
from .raw import ID_FIELDS, TEXT_FIELDS, Meter, Missing, Raw

NO_ID = Missing("one of the fields `id`, `_id`, `docid`, `docno`")
FIRST_LINE = 1 << 20
NO_TEXT = Missing("one of the fields `contents`, `text`, `body`, `content`")


def read_jsonl(files: Sequence[Path], limit: int, meter: Meter) -> Iterator[Raw | BadRecord]:
    """Yield the records of `files`; a line of more than `limit` bytes is bad."""
    for path in files:
        yield from _whole(path, limit, meter) if is_one_value(path) else _lines(path, limit, meter)


def is_one_value(path: Path) -> bool:
    """Tell whether a `.json` file holds an array or one object over several lines, rather than JSON lines."""
    if Path(path.stem if path.suffix in CODECS else path.name).suffix != ".json":
        return False
    try:
        with open_bytes(path, Meter()) as stream:
            line = stream.readline(FIRST_LINE).removeprefix(BOM)
            while line.isspace():
                line = stream.readline(FIRST_LINE)
    except OSError:
        return False
    # an object that goes on in the next line stops at one of these; a damaged record hardly does
    return line.startswith(b"[") or (line.startswith(b"{") and line.endswith(b"\n") and line.rstrip()[-1:] in b"{[,:")


def _lines(path: Path, limit: int, meter: Meter) -> Iterator[Raw | BadRecord]:
    name = printable(path)
    for item in json_lines(path, limit, meter):
        if isinstance(item, BadRecord):
            yield item
        else:
            number, line, fields = item
            yield _record(name, number, fields, line)


def _whole(path: Path, limit: int, meter: Meter) -> Iterator[Raw | BadRecord]:
    """Read an array (the only record format that is held whole) or a single object."""
    name = printable(path)
    try:
        with open_bytes(path, meter) as stream:
            data = stream.read().removeprefix(BOM)
    except OSError as error:
        yield BadRecord(name, f"cannot be read: {error.strerror or error}")
        return
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        yield BadRecord(f"{name}:{error.lineno}", json_fault(data, error), excerpt(data))
        return
    for number, fields in enumerate(value if isinstance(value, list) else [value], start=1):
        if isinstance(fields, dict):
            yield _record(name, number, fields, dict(fields))
        else:
            yield BadRecord(f"{name}:{number}", "not a JSON object", excerpt(fields))


def _record(name: str, number: int, fields: dict[str, object], shown: object) -> Raw:
    id = _pop_first(fields, ID_ORDER, NO_ID)  # noqa: A001
    title = fields.pop("title", "")
    return Raw(name, number, id, title, _pop_first(fields, TEXT_FIELDS, NO_TEXT), fields, shown)


ID_ORDER = ("id", *(name for name in ID_FIELDS if name != "id"))


def _pop_first(fields: dict[str, object], names: Sequence[str], missing: Missing) -> object:
    for name in names:
        if name in fields:
            return fields.pop(name)
    return missing
