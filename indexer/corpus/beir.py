"""BEIR's corpus.jsonl: one JSON object a line with `_id`, `title`, `text` and optional `metadata`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ..passage import BadRecord
from .json_records import json_lines
from .lines import printable
from .raw import Meter, Missing, Raw

NO_ID = Missing("the field `_id`")
NO_TEXT = Missing("the field `text`")


def read_beir(files: Sequence[Path], limit: int, meter: Meter) -> Iterator[Raw | BadRecord]:
    """Yield the records of `files`; a line of more than `limit` bytes is bad."""
    for path in files:
        name = printable(path)
        for item in json_lines(path, limit, meter):
            if isinstance(item, BadRecord):
                yield item
                continue
            number, line, fields = item
            id = fields.pop("_id", NO_ID)  # noqa: A001
            title = fields.pop("title", "")
            yield Raw(name, number, id, title, fields.pop("text", NO_TEXT), fields, line)
