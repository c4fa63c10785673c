"""BEIR's layout: compressions, headers, and every shared collection against the counts that its source names."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pyarrow as pa
import pytest

from tamis.errors import InvalidInput, NotFound
from tamis.eval.judged import check_judged_ids, read_judged

HEADER = "query-id\tcorpus-id\tscore\n"


def folder_of(root: Path, qrels: dict[str, str], queries: str, packed: bool = False) -> str:
    (root / "qrels").mkdir(parents=True)
    texts = {f"qrels/{split}.tsv": text for split, text in qrels.items()} | {"queries.jsonl": queries}
    for name, text in texts.items():
        if packed:
            (root / f"{name}.gz").write_bytes(gzip.compress(text.encode()))
        else:
            (root / name).write_text(text, encoding="utf-8")
    return str(root)


def queries(*ids: str) -> str:
    return "".join(f'{{"_id": "{id_}", "text": "text of {id_}"}}\n' for id_ in ids)


def test_compressed_files_hold_the_same(tmp_path: Path) -> None:
    qrels = {"test": HEADER + "q1\td1\t1\nq1\td2\t0\n"}
    plain = read_judged(folder_of(tmp_path / "one" / "set", qrels, queries("q1")), "test")
    packed = read_judged(folder_of(tmp_path / "two" / "set", qrels, queries("q1"), packed=True), "test")
    assert packed.qrels == plain.qrels == {"q1": {"d1": 1, "d2": 0}}
    assert (packed.name, packed.queries, packed.fingerprint) == ("set", plain.queries, plain.fingerprint)


def test_a_first_line_that_is_a_judgment_counts(tmp_path: Path) -> None:
    """Files without a header exist; dropping their first line would change the number in silence."""
    assert read_judged(folder_of(tmp_path, {"test": "q1\td1\t1\nq1\td2\t2\n"}, queries("q1")), "test").qrels == {
        "q1": {"d1": 1, "d2": 2}
    }


@pytest.mark.parametrize(("text", "expected"), [("2.0", 2), ("-1", -1), ("+3", 3), ("1.", 1)])
def test_whole_numbers_as_they_are_written(tmp_path: Path, text: str, expected: int) -> None:
    assert read_judged(folder_of(tmp_path, {"test": f"{HEADER}q1\td1\t{text}\n"}, queries("q1")), "test").qrels == {
        "q1": {"d1": expected}
    }


@pytest.mark.parametrize("text", ["0.5", "nan", "1e3", "", "1_0", "٣", "9999999999"])
def test_other_grades_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidInput, match=r"test\.tsv:2: expected query, passage and a whole number, got the grade"):
        read_judged(folder_of(tmp_path, {"test": f"{HEADER}q1\td1\t{text}\n"}, queries("q1")), "test")


def test_repeated_rows_are_counted_and_contradictions_refused(tmp_path: Path) -> None:
    repeated = HEADER + "q1\td1\t1\nq1\td1\t1\nq1\td1\t1\n"
    judged = read_judged(folder_of(tmp_path / "a", {"test": repeated}, queries("q1")), "test")
    assert judged.qrels == {"q1": {"d1": 1}}
    assert [warning.partition(": ")[2] for warning in judged.warnings] == ["2 rows repeat a judgment; each counts once"]
    with pytest.raises(InvalidInput, match=r"2 rows judge a passage again and differently, the first at .*test\.tsv:5"):
        read_judged(folder_of(tmp_path / "b", {"test": repeated + "q1\td1\t2\nq1\td1\t0\n"}, queries("q1")), "test")


def test_queries_without_judgments_are_named_unless_another_split_has_them(tmp_path: Path) -> None:
    qrels = {"test": HEADER + "q1\td1\t1\n", "train": HEADER + "q2\td1\t1\n"}
    judged = read_judged(folder_of(tmp_path, qrels, queries("q1", "q2", "q3", "q4")), "test")
    assert judged.warnings == ["2 of 4 queries have no judgments and are not asked, the first is 'q3'"]
    assert [query.id for query in judged.queries] == ["q1"]


def test_judged_queries_without_a_relevant_passage_are_counted(tmp_path: Path) -> None:
    qrels = {"test": HEADER + "q1\td1\t0\nq1\td2\t-1\nq2\td1\t1\n"}
    (warning,) = read_judged(folder_of(tmp_path, qrels, queries("q1", "q2")), "test").warnings
    assert warning == "1 of 2 judged queries have no relevant passage and count 0 by every measure, the first is 'q1'"


def test_queries_that_stand_twice(tmp_path: Path) -> None:
    qrels = {"test": HEADER + "q1\td1\t1\n"}
    (warning,) = read_judged(folder_of(tmp_path / "a", qrels, queries("q1", "q1")), "test").warnings
    assert "1 queries stand there more than once" in warning
    with pytest.raises(InvalidInput, match=r"queries\.jsonl:2: query 'q1' has two texts"):
        read_judged(folder_of(tmp_path / "b", qrels, queries("q1") + '{"_id": "q1", "text": "other"}\n'), "test")


@pytest.mark.parametrize(
    ("text", "message"),
    [(HEADER, "holds no judgments"), ("", "holds no judgments"), (HEADER + "q1\td1\n", r"test\.tsv:2: expected query")],
)
def test_judgments_that_cannot_be(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        read_judged(folder_of(tmp_path, {"test": text}, queries("q1")), "test")


def test_damaged_files_are_named(tmp_path: Path) -> None:
    root = Path(folder_of(tmp_path, {"test": HEADER + "q1\td1\t1\n" * 9}, queries("q1"), packed=True))
    path = root / "qrels" / "test.tsv.gz"
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(InvalidInput, match=r"test\.tsv\.gz.*cannot be read on from here"):
        read_judged(str(root), "test")
    path.write_bytes(gzip.compress(HEADER.encode() + b"q1\t\xff\t1\n"))
    with pytest.raises(InvalidInput, match=r"test\.tsv\.gz:2: expected UTF-8 text"):
        read_judged(str(root), "test")


def test_what_is_no_collection_says_what_was_looked_for(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("x")
    with pytest.raises(NotFound, match=r"no layout of a judged collection; looked for(.|\n)*BRIGHT"):
        read_judged(str(tmp_path), "test")
    with pytest.raises(NotFound, match=r"no collection 'pydoc': expected a folder.* or one of pydocs"):
        read_judged("pydoc", "test")


COUNTS = re.compile(
    r"- qrels/(\w+)\.tsv: (\d+) queries, (\d+) judged pairs, (\d+) with score > 0 \(for (\d+) queries\)"
)
COLLECTIONS = (
    "birco-clinical-trial", "birco-doris-mae", "birco-wtb", "cacm", "climate-fever-sentences", "cosqa", "cranfield",
    "hotpotqa-100", "limit-small", "msmarco-mini", "musique-100", "nfcorpus", "pubmedqa", "scifact", "squad11",
    "squad20-dev", "trecqa", "vaswani", "wikiqa",
)  # fmt: skip


@pytest.mark.data
@pytest.mark.parametrize("name", COLLECTIONS)
def test_shared_collections_have_the_counts_that_their_source_names(data_folder: Path, name: str) -> None:
    stated = COUNTS.findall((data_folder / name / "SOURCE.md").read_text())
    assert stated
    for split, asked, pairs, positive, answerable in stated:
        judged = read_judged(str(data_folder / name), split)
        grades = [grade for found in judged.qrels.values() for grade in found.values()]
        with_relevant = sum(max(found.values()) > 0 for found in judged.qrels.values())
        assert [len(judged.queries), len(grades), sum(grade > 0 for grade in grades), with_relevant] == [
            int(asked), int(pairs), int(positive), int(answerable)
        ]  # fmt: skip
        surprising = [warning for warning in judged.warnings if "no relevant passage" in warning]
        assert bool(surprising) == (with_relevant < len(judged.queries))


@pytest.mark.data
def test_judged_ids_that_an_index_lacks_are_counted(data_folder: Path) -> None:
    judged = read_judged(str(data_folder / "cranfield"), "test")
    ids = pa.chunked_array([[str(number) for number in range(1, 1401)]], pa.large_string())
    assert check_judged_ids(judged, ids) == []
    (warning,) = check_judged_ids(judged, ids.slice(12))  # without 1 to 12
    lost = {passage for found in judged.qrels.values() for passage in found if int(passage) <= 12}
    relevant = {p for found in judged.qrels.values() for p, grade in found.items() if int(p) <= 12 and grade > 0}
    assert warning.startswith(f"{len(lost)} of ") and f"; {len(relevant)} of them are relevant" in warning
    with pytest.raises(InvalidInput, match=r"none of the .* judged passages of cranfield is in the index"):
        check_judged_ids(judged, pa.chunked_array([["a#0"]], pa.large_string()))
