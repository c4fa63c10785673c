"""Queries record by record to texts by id; repeated ids are found here, for all layouts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import orjson

from tamis.errors import InvalidInput

from .lines import text_lines

Record = tuple[str, object, object]
"""Where it stands (`file:line`), id, text."""


def collect(records: Iterable[Record], source: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """Gather the texts of queries by id, with a warning where records are repeated.

    Raises:
        InvalidInput: an id or text is of the wrong type, or an id stands for two texts.
    """
    texts: dict[str, str] = {}
    repeated = 0
    for where, id_, text in records:
        if not isinstance(id_, str | int) or isinstance(id_, bool) or not isinstance(text, str):
            raise InvalidInput(f"{where}: expected an id and a text, got {id_!r} and {text!r}")
        if texts.setdefault(str(id_), text) != text:
            raise InvalidInput(f"{where}: query {str(id_)!r} has two texts; keep one of them")
        repeated += 1
    repeated -= len(texts)
    return texts, (f"{source}: {repeated} queries stand there more than once",) if repeated else ()


def jsonl_records(path: Path) -> Iterable[Record]:
    """Yield the queries of BEIR's queries.jsonl: `_id` and `text`.

    Raises:
        InvalidInput: a line is no such object.
    """
    for where, line in text_lines(path):
        try:
            values = orjson.loads(line)
            yield where, values["_id"], values["text"]
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise InvalidInput(f"{where}: expected an object with `_id` and `text`: {error!r}") from None


def tsv_records(path: Path) -> Iterable[Record]:
    """Yield the queries of MS MARCO's TSV: id and text.

    Raises:
        InvalidInput: a line has no tab.
    """
    for where, line in text_lines(path):
        id_, tab, text = line.partition("\t")
        if not tab:
            raise InvalidInput(f"{where}: expected id and text by a tab, got {line[:200]!r}")
        yield where, id_, text
