"""Candidates for other learners: what is written is what was logged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tamis.errors import InvalidInput
from tamis.rankers.features.schema import SCHEMA, schema_hash
from tamis.rankers.ranking import Query
from tamis.training.blend.dump import dump
from tamis.training.blend.logged import Logged

FEATURES = np.array([[1.5, np.nan], [0.1, 2.0], [3.0, 0.0]], np.float32)
LOGGED = Logged(
    queries=(Query("a", "x"), Query("b", "y")),
    ends=np.array([0, 1, 3]),
    rows=np.array([4, 5, 6], np.int32),
    features=FEATURES,
    arms=("sparse",),
    standard=np.zeros((3, 1)),
    relevance=np.array([0, 2, 1], np.float32),
    ideal=np.ones(2),
    relevant=(frozenset(), frozenset({"p5", "p6"})),
    weights=np.ones(2),
)
IDS = ["p4", "p5", "p6"]


def test_svmlight_has_every_column_of_every_candidate(tmp_path: Path) -> None:
    path = tmp_path / "new" / "train.svm"
    dump(LOGGED, IDS, SCHEMA[:2], path)
    lines = path.read_text().splitlines()
    assert lines[0] == "0 qid:1 1:1.5 2:nan # a p4"
    assert lines[1] == "2 qid:2 1:0.100000001 2:2 # b p5"
    values = [[np.float32(cell.split(":")[1]) for cell in line.split(" #")[0].split()[2:]] for line in lines]
    assert np.array(values, np.float32).tobytes() == FEATURES.tobytes()


def test_parquet_names_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "train.parquet"
    dump(LOGGED, IDS, SCHEMA[:2], path)
    table = pq.read_table(path)
    assert table.column_names == ["query", "passage", "grade", SCHEMA[0].name, SCHEMA[1].name]
    assert table["query"].to_pylist() == ["a", "b", "b"]
    assert table["passage"].to_pylist() == IDS
    assert table["grade"].to_pylist() == [0, 2, 1]
    assert table[SCHEMA[1].name].to_numpy().tobytes() == FEATURES[:, 1].tobytes()
    assert table.schema.metadata[b"tamis_schema_sha256"].decode() == schema_hash()


def test_another_ending_is_refused_and_nothing_written(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"must end in \.svm or \.parquet"):
        dump(LOGGED, IDS, SCHEMA[:2], tmp_path / "train.csv")
    assert not list(tmp_path.iterdir())
