"""The passages of an index: an Arrow IPC file, memory-mapped, read by row or by id."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from tamis.errors import NotFound

from .passage import Passage

COLUMN_TYPES = {"string": pa.string(), "integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_()}
FIELDS = 5
"""Columns of every passage file; typed metadata columns come after them."""

BATCH = 1_024
"""Passages in one record batch: small, so that reading one passage maps few pages."""


def schema(columns: Mapping[str, str]) -> pa.Schema:
    """Give the schema of a passage file; `columns` are the typed metadata columns by name."""
    fields = [pa.field(name, pa.large_string(), nullable=False) for name in ("id", "document_id", "title", "text")]
    fields.append(pa.field("metadata", pa.large_string(), nullable=False))
    fields += [pa.field(f"metadata.{name}", COLUMN_TYPES[kind]) for name, kind in sorted(columns.items())]
    return pa.schema(fields)


class PassageWriter:
    """Writes passages to a file in batches; memory holds one batch."""

    def __init__(self, path: Path, columns: Mapping[str, str]) -> None:
        self._columns = columns
        self._schema = schema(columns)
        self._sink = pa.OSFile(str(path), "wb")
        self._writer = pa.ipc.new_file(self._sink, self._schema)
        self._waiting: list[Passage] = []

    def write(self, passages: Iterable[Passage]) -> None:
        """Append passages in order."""
        for passage in passages:
            self._waiting.append(passage)
            if len(self._waiting) == BATCH:
                self._flush()

    def _flush(self) -> None:
        rows = self._waiting
        arrays: dict[str, list[Any]] = {
            "id": [row.id for row in rows],
            "document_id": [row.document_id for row in rows],
            "title": [row.title for row in rows],
            "text": [row.text for row in rows],
            "metadata": [orjson.dumps(row.metadata).decode() for row in rows],
        }
        for name in self._columns:
            arrays[f"metadata.{name}"] = [row.metadata.get(name) for row in rows]
        self._writer.write_batch(pa.RecordBatch.from_pydict(arrays, schema=self._schema))
        self._waiting = []

    def __enter__(self) -> PassageWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and self._waiting:
            self._flush()
        self._writer.close()
        self._sink.close()


class PassageStore:
    """Reads passages by row or by id; nothing is held in memory but the pages in use."""

    def __init__(self, path: Path) -> None:
        self._map = pa.memory_map(str(path))
        self._reader = pa.ipc.open_file(self._map)
        batches = [self._reader.get_batch(number) for number in range(self._reader.num_record_batches)]
        self._columns = [batch.columns[:FIELDS] for batch in batches]
        self._typed = {
            field.name.removeprefix("metadata."): pa.chunked_array([batch[field.name] for batch in batches], field.type)
            for field in list(self._reader.schema)[FIELDS:]
        }
        sizes = [batch.num_rows for batch in batches]
        self._starts = [0, *accumulate(sizes)]

    def __len__(self) -> int:
        return int(self._starts[-1])

    def take(self, rows: Sequence[int] | npt.NDArray[np.int32]) -> list[Passage]:
        """Return the passages at `rows`, in that order."""
        return [self._passage(int(row)) for row in rows]

    def _locate(self, row: int) -> tuple[list[pa.Array], int]:
        if not 0 <= row < len(self):
            raise NotFound(f"row {row} is not in this index, which has rows 0 to {len(self) - 1}")
        number = bisect_right(self._starts, row) - 1
        return self._columns[number], row - self._starts[number]

    def _passage(self, row: int) -> Passage:
        columns, place = self._locate(row)
        id_, document_id, title, text, metadata = (column[place].as_py() for column in columns)
        return Passage(id_, document_id, title, text, orjson.loads(metadata))

    def id_of(self, row: int) -> str:
        """Return the id of the passage at `row`."""
        columns, place = self._locate(row)
        return str(columns[0][place].as_py())

    def ids_of(self, rows: Sequence[int] | npt.NDArray[np.int32]) -> list[str]:
        """Return the ids of the passages at `rows`, in that order."""
        return [self.id_of(int(row)) for row in rows]

    def documents_of(self, rows: Sequence[int] | npt.NDArray[np.int32]) -> list[str]:
        """Return the documents that the passages at `rows` were cut from, in that order."""
        located = (self._locate(int(row)) for row in rows)
        return [str(columns[1][place].as_py()) for columns, place in located]

    def all_ids(self) -> pa.ChunkedArray:
        """Return every id in row order."""
        return pa.chunked_array([columns[0] for columns in self._columns], type=pa.large_string())

    def column(self, name: str) -> pa.ChunkedArray:
        """Return a typed metadata column in row order; null where a passage has no value.

        Raises:
            NotFound: there is no such column.
        """
        if name not in self._typed:
            raise NotFound(f"no typed metadata column {name!r}; there are: {', '.join(self._typed) or 'none'}")
        return self._typed[name]

    def contents(self) -> Iterator[tuple[str, str]]:
        """Stream id and contents (title and text) of every passage in row order."""
        for passage in self:
            yield passage.id, passage.contents

    def contents_of(self, rows: npt.NDArray[np.int32]) -> Iterator[tuple[str, str]]:
        """Stream id and contents of the passages at `rows`, which ascend."""
        wanted = np.zeros(len(self), np.bool_)
        wanted[rows] = True
        return (found for is_wanted, found in zip(wanted.tolist(), self.contents(), strict=True) if is_wanted)

    def __iter__(self) -> Iterator[Passage]:
        for columns in self._columns:
            lists = [column.to_pylist() for column in columns]
            for id_, document_id, title, text, metadata in zip(*lists, strict=True):
                yield Passage(id_, document_id, title, text, orjson.loads(metadata))

    def close(self) -> None:
        """Let go of the file."""
        self._columns, self._typed = [], {}
        self._map.close()


class IdOrder:
    """Finds rows by id, and knows the order of ids that breaks ties."""

    def __init__(self, passages: PassageStore, folder: Path) -> None:
        self._passages = passages
        # Plain arrays over the mapped files: NumPy does everything several times slower on its own memmap class.
        self._order = np.asarray(np.load(folder / "id_order.npy", mmap_mode="r", allow_pickle=False))
        self.rank: npt.NDArray[np.int32] = np.asarray(
            np.load(folder / "id_rank.npy", mmap_mode="r", allow_pickle=False)
        )

    @staticmethod
    def write(passages: PassageStore, folder: Path) -> None:
        """Sort the ids (by code point, as UTF-8 sorts) and save order and rank: int32[passages] each."""
        import pyarrow.compute as pc

        order = pc.sort_indices(passages.all_ids()).to_numpy(zero_copy_only=False).astype(np.int32)
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order), dtype=np.int32)
        np.save(folder / "id_order.npy", order, allow_pickle=False)
        np.save(folder / "id_rank.npy", rank, allow_pickle=False)

    def row_of(self, id_: str) -> int | None:
        """Return the row of a passage id, or None where there is none."""
        wanted = id_.encode("utf-8", "surrogatepass")
        low, high = 0, len(self._order)
        while low < high:
            middle = (low + high) // 2
            if self._passages.id_of(int(self._order[middle])).encode() < wanted:
                low = middle + 1
            else:
                high = middle
        if low < len(self._order) and self._passages.id_of(int(self._order[low])) == id_:
            return int(self._order[low])
        return None
