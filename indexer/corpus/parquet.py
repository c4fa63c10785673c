"""Parquet files as records, streamed by batches of rows."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ..passage import BadRecord
from .lines import printable
from .raw import ID_FIELDS, TEXT_FIELDS, Meter, Raw

BATCH_ROWS = 512


def read_parquet(files: Sequence[Path], limit: int, meter: Meter) -> Iterator[Raw | BadRecord]:
    """Yield the rows of `files`; the length of a text is bounded by the validator, so `limit` is not needed."""
    for path in files:
        yield from _file(path, meter)


def id_and_text(columns: Sequence[str]) -> tuple[str, str] | None:
    """Name the columns of id and text, or None where either is missing."""
    id = next((name for name in ID_FIELDS if name in columns), None)  # noqa: A001
    text = next((name for name in ("text", *TEXT_FIELDS) if name in columns), None)
    return (id, text) if id is not None and text is not None else None


def _file(path: Path, meter: Meter) -> Iterator[Raw | BadRecord]:
    name = printable(path)
    row = 0
    try:
        with pq.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False) as file:
            columns = id_and_text(file.schema_arrow.names)
            if columns is None:
                yield BadRecord(name, _no_columns(file.schema_arrow.names))
                return
            step = path.stat().st_size / max(file.metadata.num_rows, 1)
            for batch in file.iter_batches(BATCH_ROWS):
                for fields in _rows(batch):
                    row += 1
                    yield _record(name, row, fields, *columns)
                meter.add(int(row * step) - int((row - batch.num_rows) * step))
    except (pa.ArrowException, OSError) as error:
        source = f"{name}:{row + 1}" if row else name
        yield BadRecord(source, f"cannot be read on from here: {error}")


def _no_columns(names: Sequence[str]) -> str:
    ids, texts = ", ".join(ID_FIELDS), ", ".join(TEXT_FIELDS)
    return f"no columns of id and text; expected one of {ids} and one of {texts}, found {', '.join(names) or 'none'}"


def _record(name: str, row: int, fields: dict[str, object] | str, id: str, text: str) -> Raw | BadRecord:  # noqa: A002
    if isinstance(fields, str):
        return BadRecord(f"{name}:{row}", fields)
    shown = dict(fields)
    return Raw(name, row, fields.pop(id), fields.pop("title", None), fields.pop(text), fields, shown)


def _rows(batch: pa.RecordBatch) -> Iterator[dict[str, object] | str]:
    """Yield each row as plain values; a row whose strings are no UTF-8 is a reason instead."""
    batch = _without_nanoseconds(batch)
    temporal = [
        field.name for field in batch.schema if pa.types.is_temporal(field.type) or pa.types.is_decimal(field.type)
    ]
    try:
        rows: list[dict[str, object] | str] = batch.to_pylist()
    except UnicodeDecodeError:
        rows = [_row(batch.slice(position, 1)) for position in range(batch.num_rows)]
    for fields in rows:
        if not isinstance(fields, str):
            for column in temporal:
                fields[column] = _plain(fields[column])
        yield fields


def _row(one: pa.RecordBatch) -> dict[str, object] | str:
    try:
        fields: dict[str, object] = one.to_pylist()[0]
    except UnicodeDecodeError as error:
        return f"invalid UTF-8: byte 0x{error.object[error.start]:02x} at byte offset {error.start} of a string"
    return fields


def _without_nanoseconds(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Cut timestamps to microseconds, the finest that Python's datetime holds."""
    for position, field in enumerate(batch.schema):
        if pa.types.is_timestamp(field.type) and field.type.unit == "ns":
            finer = pa.timestamp("us", field.type.tz)
            batch = batch.set_column(position, field.name, batch.column(position).cast(finer, safe=False))
    return batch


def _plain(value: object) -> object:
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return float(value) if isinstance(value, decimal.Decimal) else value
