"""Writes logged candidates for other learners: SVMlight, or Parquet with names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tamis.errors import InvalidInput
from tamis.files import whole
from tamis.rankers.features.schema import Feature, schema_hash

from .logged import Logged

FORMATS = (".svm", ".parquet")


def check_format(path: Path) -> None:
    """Refuse a file that is in neither format.

    Raises:
        InvalidInput: its name ends in neither.
    """
    if path.suffix not in FORMATS:
        raise InvalidInput(f"{path} must end in {' or '.join(FORMATS)}, which says what is written")


def dump(logged: Logged, ids: Sequence[str], schema: Sequence[Feature], path: Path) -> None:
    """Write candidates with grades and features, whole or not at all.

    SVMlight: `GRADE qid:NUMBER 1:VALUE ... # QUERY PASSAGE`, every column in every line, `nan` where a feature is not
    defined. Parquet: `query`, `passage`, `grade` and the features by name; the schema's hash is in the metadata.

    Args:
        logged: candidates.
        ids: of their passages, one for each.
        schema: the columns of the features.
        path: where to; its ending says which format.

    Raises:
        InvalidInput: it ends in neither.
    """
    check_format(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    queries = [
        query.id for number, query in enumerate(logged.queries) for _ in range(*logged.ends[number : number + 2])
    ]
    with whole(path) as temporary:
        if path.suffix == ".parquet":
            columns = {"query": queries, "passage": list(ids), "grade": logged.relevance}
            columns |= {feature.name: logged.features[:, place] for place, feature in enumerate(schema)}
            table = pa.table(columns).replace_schema_metadata({"tamis_schema_sha256": schema_hash()})
            pq.write_table(table, temporary)
        else:
            _write_svmlight(logged, queries, ids, temporary)


def _write_svmlight(logged: Logged, queries: Sequence[str], ids: Sequence[str], path: Path) -> None:
    numbers = {query.id: number for number, query in enumerate(logged.queries, 1)}
    with path.open("w", encoding="utf-8") as file:
        for query, id_, grade, values in zip(queries, ids, logged.relevance, logged.features, strict=True):
            cells = " ".join(f"{column}:{value:.9g}" for column, value in enumerate(values.tolist(), 1))
            file.write(f"{grade:g} qid:{numbers[query]} {cells} # {query} {id_}\n")
