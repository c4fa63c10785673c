from __future__ import annotations

from pathlib import Path

import numpy as np
import orjson
from hypothesis import given
from hypothesis import strategies as st

from tamis.eval.ids import PassageIds
from tamis.eval.relevant import RelevantRows, places_of, write_relevant
from tamis.rankers.engine import Engine

ROWS = st.lists(st.integers(0, 30), unique=True, max_size=20)


def test_ranks_are_places_in_each_stage() -> None:
    relevant = RelevantRows({"q": {"a": 2, "b": 1, "c": 0, "d": 1}}, {"a": 7, "b": 3, "c": 4})
    stages = {"sparse": np.array([4, 7, 1], np.int32), "dense": np.array([3], np.int32)}
    assert relevant.places("q", stages) == {"a": {"sparse": 2}, "b": {"dense": 1}}
    assert relevant.places("of nobody", stages) == {}


@given(judged=st.lists(st.integers(0, 30), unique=True, max_size=10), stages=st.lists(ROWS, max_size=3))
def test_rows_and_ids_agree_with_looking_one_by_one(judged: list[int], stages: list[list[int]]) -> None:
    grades = {f"p{row}": 1 for row in judged}
    by_stage = {f"s{number}": rows for number, rows in enumerate(stages)}
    expected: dict[str, dict[str, int]] = {}
    for stage, rows in by_stage.items():
        for row in rows:
            if row in judged:
                expected.setdefault(f"p{row}", {})[stage] = rows.index(row) + 1
    known = RelevantRows({"q": grades}, {f"p{row}": row for row in judged})
    assert known.places("q", {stage: np.array(rows, np.int32) for stage, rows in by_stage.items()}) == expected
    assert places_of(grades, {stage: [f"p{row}" for row in rows] for stage, rows in by_stage.items()}) == expected


def test_the_file_names_every_relevant_passage_and_null_where_it_was_lost(tmp_path: Path) -> None:
    qrels = {"q1": {"a": 2, "lost": 1, "no": 0}, "q2": {"x": 0}}
    write_relevant(tmp_path, ["sparse", "fused"], qrels, {"q1": {"a": {"sparse": 3}}})
    assert orjson.loads((tmp_path / "relevant.json").read_bytes()) == {
        "stages": ["sparse", "fused"],
        "queries": {
            "q1": {
                "a": {"relevance": 2, "ranks": {"sparse": 3, "fused": None}},
                "lost": {"relevance": 1, "ranks": {"sparse": None, "fused": None}},
            }
        },
    }


def test_ids_of_rows_and_rows_of_ids_agree_with_the_store(tiny_engine: Engine) -> None:
    passages = tiny_engine.index.passages
    ids = PassageIds(passages)
    lists = [np.array(rows, np.int32) for rows in ([3, 0, 3], [], [len(passages) - 1])]
    assert ids.of(lists) == [passages.ids_of(rows) for rows in lists]
    assert ids.of([]) == []
    every = passages.ids_of(range(len(passages)))
    assert ids.rows_of([*every, "no such passage"]) == {id_: row for row, id_ in enumerate(every)}
    assert ids.rows_of([]) == {}
