"""Rows of a data set's split on the Hugging Face hub, from Parquet or JSON lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from tamis.errors import InvalidInput

from .lines import text_lines

Row = tuple[str, dict[str, Any]]
"""Where it stands (`file:row`), and its values."""


def read_rows(files: Sequence[Path], *columns: str) -> Iterator[Row]:
    """Yield the rows of one split, of Parquet only these columns, where they are there.

    Raises:
        InvalidInput: a file cannot be read, or a line is no JSON object.
    """
    for path in files:
        yield from _parquet(path, columns) if path.suffix == ".parquet" else _jsonl(path)


def _parquet(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    number = 0
    try:
        with pq.ParquetFile(path) as file:
            wanted = [name for name in file.schema_arrow.names if not columns or name in columns]
            for batch in file.iter_batches(512, columns=wanted):
                for values in batch.to_pylist():
                    number += 1
                    yield f"{path}:{number}", values
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} cannot be read on from row {number + 1}: {error}") from None


def _jsonl(path: Path) -> Iterator[Row]:
    for where, line in text_lines(path):
        try:
            values = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise InvalidInput(f"{where}: expected a JSON object: {error}") from None
        if not isinstance(values, dict):
            raise InvalidInput(f"{where}: expected a JSON object, got {line[:80]!r}")
        yield where, values


def field(row: Row, *names: str) -> Any:
    """Give the first of these fields that a row has.

    Raises:
        InvalidInput: it has none of them.
    """
    where, values = row
    for name in names:
        if name in values:
            return values[name]
    raise InvalidInput(f"{where}: expected a field {' or '.join(names)}, found {', '.join(values) or 'none'}")


def strings(row: Row, name: str) -> list[str]:
    """Give a field that is a list of ids, as strings; null is an empty list.

    Raises:
        InvalidInput: it is no list.
    """
    value = field(row, name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise InvalidInput(f"{row[0]}: expected a list of ids in {name}, got {value!r}")
    return [str(item) for item in value]
