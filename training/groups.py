"""Training groups: a query, passages, and what is known of each; kept as Parquet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from tamis.errors import InvalidInput, NotFound
from tamis.files import whole

SCHEMA = pa.schema(
    {
        "source": pa.string(),
        "query": pa.string(),
        "passages": pa.list_(pa.string()),
        "relevance": pa.list_(pa.float32()),
        "teacher": pa.list_(pa.float32()),
    }
)


@dataclass(frozen=True, slots=True)
class Group:
    """Passages of one query that a ranker learns to order."""

    source: str
    """The collection that it comes from."""
    query: str
    passages: tuple[str, ...]
    relevance: npt.NDArray[np.float32]
    """Grade of each passage: float32[n]; above 0 is relevant, 0 is not, or not judged."""
    teacher: npt.NDArray[np.float32]
    """Score of each passage by the teacher, standardised over the query's candidates: float32[n]."""

    def __post_init__(self) -> None:
        lengths = {len(self.passages), len(self.relevance), len(self.teacher)}
        if len(lengths) != 1 or lengths == {0}:
            raise ValueError(f"passages, relevance and teacher must have one length above 0, got {sorted(lengths)}")


def write_groups(groups: Iterable[Group], path: Path) -> int:
    """Write groups to a Parquet file, all or nothing; return how many."""
    rows = [(one.source, one.query, list(one.passages), one.relevance.tolist(), one.teacher.tolist()) for one in groups]
    arrays = [pa.array([row[place] for row in rows], field.type) for place, field in enumerate(SCHEMA)]
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as target:
        pq.write_table(pa.Table.from_arrays(arrays, schema=SCHEMA), target, compression="zstd")
    return len(rows)


def read_groups(path: Path) -> list[Group]:
    """Read a file of groups.

    Raises:
        NotFound: there is no such file.
        InvalidInput: it is no file of groups.
    """
    if not path.is_file():
        raise NotFound(f"no file of training groups {path}; make one with `tamis train mine`")
    try:
        table = pq.read_table(path)
    except pa.ArrowInvalid as error:
        raise InvalidInput(f"{path} is no Parquet file: {error}") from None
    if table.schema != SCHEMA:
        raise InvalidInput(f"{path} holds columns {table.column_names}, expected {SCHEMA.names}")
    return [
        Group(
            one["source"],
            one["query"],
            tuple(one["passages"]),
            np.array(one["relevance"], np.float32),
            np.array(one["teacher"], np.float32),
        )
        for one in table.to_pylist()
    ]
