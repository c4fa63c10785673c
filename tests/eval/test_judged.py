from __future__ import annotations

from pathlib import Path

import pytest

from tamis.errors import InvalidInput, NotFound
from tamis.eval.judged import read_judged
from tamis.indexer.corpus.pydocs import read_pydocs

QUERIES = '{"_id": "q1", "text": "one"}\n{"_id": "q2", "text": "two"}\n{"_id": "q3", "text": "three"}\n'


def collection(folder: Path, queries: str = QUERIES, qrels: str = "q2\td1\t2\nq1\td 2\t0\nq2\td3\t1\n") -> str:
    """A BEIR folder."""
    (folder / "qrels").mkdir()
    (folder / "queries.jsonl").write_text(queries)
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + qrels)
    return str(folder)


def test_judged_queries_are_read_with_their_judgments(tmp_path: Path) -> None:
    judged = read_judged(collection(tmp_path), "test")
    assert [(query.id, query.text) for query in judged.queries] == [("q1", "one"), ("q2", "two")]
    assert judged.qrels == {"q1": {"d 2": 0}, "q2": {"d1": 2, "d3": 1}}
    assert judged.corpus == str(tmp_path)


@pytest.mark.parametrize(
    ("queries", "qrels", "message"),
    [
        (QUERIES, "q1 d1 1\n", r"test\.tsv:2: expected query, passage and a whole number"),
        (QUERIES, "q1\td1\tyes\n", r"test\.tsv:2"),
        (QUERIES, "q9\td1\t1\n", "1 judged queries have no text, the first is 'q9'"),
        ('{"_id": "q1"}\n', "q1\td1\t1\n", r"queries\.jsonl:1: expected an object"),
        ('{"_id": "q1", "text": " "}\n', "q1\td1\t1\n", "the text of 1 judged queries is empty, the first is 'q1'"),
    ],
)
def test_what_is_malformed_is_named(tmp_path: Path, queries: str, qrels: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        read_judged(collection(tmp_path, queries, qrels), "test")


def test_a_missing_split_names_those_that_exist(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="its splits: test"):
        read_judged(collection(tmp_path), "dev")


def test_the_projects_own_collection_is_sound() -> None:
    """Its ids exist in the running Python, and no package is in both splits."""
    known = {document.id for document in read_pydocs()}
    packages = {}
    for split, count in (("train", 100), ("test", 300)):
        judged = read_judged("pydocs", split)
        assert len(judged.queries) == count
        assert all(max(found.values()) == 2 for found in judged.qrels.values())
        ids = {id_ for found in judged.qrels.values() for id_ in found}
        assert not ids - known
        packages[split] = {id_.partition(".")[0] for id_ in ids}
    assert not packages["train"] & packages["test"]
