"""Round trips through every format with a real collection."""

from __future__ import annotations

import gzip
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tamis.indexer.config import CorpusConfig
from tamis.indexer.corpus.language import script_mismatch
from tamis.indexer.corpus.open import open_corpus
from tamis.indexer.passage import BadRecord, Document

pytestmark = pytest.mark.data


def read(path: Path) -> list[tuple[str, str, str]]:
    documents = []
    for record in open_corpus(str(path), CorpusConfig()).records():
        assert isinstance(record, Document), record
        documents.append((record.id, record.title, record.text))
    return documents


@pytest.fixture(scope="module")
def scifact(data_folder: Path) -> list[tuple[str, str, str]]:
    return read(data_folder / "scifact")


def test_scifact_is_read_whole(data_folder: Path, scifact: list[tuple[str, str, str]]) -> None:
    """Against an independent reading with gzip and orjson."""
    with gzip.open(data_folder / "scifact" / "corpus.jsonl.gz") as file:
        expected = [(r["_id"], r["title"], r["text"]) for r in map(orjson.loads, file)]
    assert len(scifact) == 5183 and scifact == expected


@pytest.mark.parametrize("name", ["x.jsonl", "x.json", "x.tsv", "x.parquet"])
def test_round_trip(tmp_path: Path, scifact: list[tuple[str, str, str]], name: str) -> None:
    """The same documents come back from every other format."""
    records = [(key, " ".join(title.split()), " ".join(text.split())) for key, title, text in scifact]
    objects = [{"id": key, "title": title, "contents": text} for key, title, text in records]
    path = tmp_path / name
    if name == "x.parquet":
        pq.write_table(pa.Table.from_pylist(objects), path)
    elif name == "x.tsv":
        path.write_text("".join("\t".join(record) + "\n" for record in records), encoding="utf-8")
    elif name == "x.json":
        path.write_bytes(orjson.dumps(objects))
    else:
        path.write_bytes(b"\n".join(map(orjson.dumps, objects)))
    assert read(path) == records


@pytest.mark.parametrize(
    ("name", "count", "bad"),
    [("limit-small", 46, 0), ("cranfield", 1398, 2), ("cosqa", 6267, 0), ("msmarco-mini", 50285, 0)],
)
def test_counts(data_folder: Path, name: str, count: int, bad: int) -> None:
    """Every record of each collection; two of Cranfield's are truly empty."""
    records = list(open_corpus(str(data_folder / name), CorpusConfig()).records())
    refused = [record for record in records if isinstance(record, BadRecord)]
    assert (len(records) - len(refused), len(refused)) == (count, bad)
    assert {record.reason for record in refused} <= {"text and title are both empty"}


def test_the_language_of_scifact(scifact: list[tuple[str, str, str]]) -> None:
    texts = [text for _, _, text in scifact]
    assert script_mismatch(texts, "en") is None
    assert "Latin" in (script_mismatch(texts, "ar") or "")
