"""MS MARCO's TSV: id and text, id, title and text, or id, url, title and body, without quoting."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ..passage import BadRecord
from .json_records import utf8_fault
from .lines import excerpt, printable, read_lines
from .raw import ID_FIELDS, TEXT_FIELDS, Meter, Missing, Raw

LAYOUTS = {2: ("id", "text"), 3: ("id", "title", "text"), 4: ("id", "url", "title", "text")}
"""Columns by their number, as MS MARCO's passages and documents have them."""

EXPECTED = "2 (id, text), 3 (id, title, text) or 4 (id, url, title, text) columns separated by tabs"
NO_COLUMN = Missing("a column of that name")
HEADER = {name: "id" for name in (*ID_FIELDS, "pid")} | {name: "text" for name in (*TEXT_FIELDS, "passage")}
HEADER |= {"title": "title", "url": "url"}


def read_tsv(files: Sequence[Path], limit: int, meter: Meter) -> Iterator[Raw | BadRecord]:
    """Yield the records of `files`; the first line of each file sets its columns, a header may name them."""
    for path in files:
        yield from _file(path, limit, meter)


def _file(path: Path, limit: int, meter: Meter) -> Iterator[Raw | BadRecord]:
    name = printable(path)
    layout: tuple[str, ...] = ()
    for item in read_lines(path, limit, meter):
        if isinstance(item, BadRecord):
            yield item
            continue
        number, line = item
        try:
            cells = line.decode().split("\t")
        except UnicodeDecodeError as error:
            yield BadRecord(f"{name}:{number}", utf8_fault(line, error), excerpt(line))
            continue
        if not layout:
            layout = header_of(cells)
            if layout:
                continue
            layout = LAYOUTS.get(len(cells), ())
        if len(cells) != len(layout):
            yield BadRecord(f"{name}:{number}", _wrong_count(len(cells), len(layout)), excerpt(line))
            continue
        fields: dict[str, object] = dict(zip(layout, cells, strict=True))
        id = fields.pop("id", NO_COLUMN)  # noqa: A001
        title = fields.pop("title", "")
        yield Raw(name, number, id, title, fields.pop("text", NO_COLUMN), fields, line)


def header_of(cells: Sequence[str]) -> tuple[str, ...]:
    """Read a header such as `id, text, title` (DPR's order); empty when the line is a record."""
    names = tuple(HEADER.get(cell.strip().lower(), "") for cell in cells)
    if {"id", "text"} <= set(names) and "" not in names and len(set(names)) == len(names):
        return names
    return ()


def _wrong_count(found: int, expected: int) -> str:
    if expected:
        return f"{found} columns where the file began with {expected}"
    return f"{found} columns; expected {EXPECTED}"
