"""MS MARCO's TSV layout, and that it says the same as BEIR's."""

from __future__ import annotations

import gzip
from pathlib import Path

import orjson
import pytest

from tamis.errors import InvalidInput, NotFound
from tamis.eval.judged import read_judged
from tamis.indexer.config import CorpusConfig
from tamis.indexer.corpus.open import open_corpus
from tamis.indexer.passage import Document


def test_official_names_and_separators(tmp_path: Path) -> None:
    """qrels.dev.small.tsv has tabs, NIST's 2019qrels-pass.txt has spaces; both are read by their usual names."""
    (tmp_path / "collection.tsv").write_text("7\tA drum sieve.\n8\tIts mesh.\n")
    (tmp_path / "queries.dev.small.tsv").write_text("1\twhat is a tamis\n2\tmesh size\n")
    (tmp_path / "qrels.dev.small.tsv").write_text("1\t0\t7\t1\n2\t0\t8\t1\n")
    (tmp_path / "msmarco-test2019-queries.tsv.gz").write_bytes(gzip.compress(b"19\ttamis\n20\tnever judged\n"))
    (tmp_path / "2019qrels-pass.txt").write_text("19 Q0 7 3\n19 Q0 8 0\n")
    small = read_judged(str(tmp_path), "dev.small")
    assert small.qrels == {"1": {"7": 1}, "2": {"8": 1}} and small.warnings == []
    dl19 = read_judged(str(tmp_path), "dl19")
    assert dl19.qrels == {"19": {"7": 3, "8": 0}}
    assert dl19.warnings == ["1 of 2 queries have no judgments and are not asked, the first is '20'"]
    assert dl19.texts(["8", "7"])["8"] == ("", "Its mesh.")
    with pytest.raises(NotFound, match=r"its splits: dev\.small, dl19"):
        read_judged(str(tmp_path), "train")


def test_the_folder_is_the_corpus_without_its_queries(tmp_path: Path) -> None:
    """`tamis index build` of the folder reads collection.tsv alone."""
    (tmp_path / "collection.tsv").write_text("7\tA drum sieve.\n")
    (tmp_path / "queries.dev.tsv").write_text("1\twhat is a tamis\n")
    (tmp_path / "qrels.dev.tsv").write_text("1\t0\t7\t1\n")
    judged = read_judged(str(tmp_path), "dev")
    corpus = open_corpus(judged.corpus, CorpusConfig())
    assert (corpus.format, [path.name for path in corpus.files]) == ("tsv", ["collection.tsv"])


@pytest.mark.parametrize(
    ("queries", "qrels", "message"),
    [
        ("1 no tab\n", "1\t0\t7\t1\n", r"queries\.dev\.tsv:1: expected id and text by a tab"),
        ("1\tx\n", "1\t7\t1\n", r"qrels\.dev\.tsv:1: expected `query 0 passage grade`"),
        ("1\tx\n", "2\t0\t7\t1\n", "1 judged queries have no text, the first is '2'"),
        ("1\tx\n", "1\t0\t7\thigh\n", r"qrels\.dev\.tsv:1: .* got the grade 'high'"),
    ],
)
def test_what_is_malformed_is_named(tmp_path: Path, queries: str, qrels: str, message: str) -> None:
    (tmp_path / "queries.dev.tsv").write_text(queries)
    (tmp_path / "qrels.dev.tsv").write_text(qrels)
    with pytest.raises(InvalidInput, match=message):
        read_judged(str(tmp_path), "dev")


def test_judgments_whose_queries_are_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "2020qrels-pass.txt").write_text("1 0 7 1\n")
    with pytest.raises(NotFound, match=r"looked for queries\.dl20\.tsv and msmarco-test2020-queries\.tsv"):
        read_judged(str(tmp_path), "dl20")


@pytest.mark.data
def test_the_same_content_as_in_beirs_layout(data_folder: Path, tmp_path: Path) -> None:
    beir = data_folder / "msmarco-mini"
    root = tmp_path / "msmarco-mini"
    root.mkdir()
    with gzip.open(beir / "corpus.jsonl.gz") as source, gzip.open(root / "collection.tsv.gz", "wt", 1) as target:
        for line in source:
            values = orjson.loads(line)
            target.write(f"{values['_id']}\t{values['text']}\n")
    with gzip.open(beir / "queries.jsonl.gz") as source:
        queries = [orjson.loads(line) for line in source]
    for split, official in (("dl19", "2019qrels-pass.txt"), ("dev", "qrels.dev.tsv"), ("train", "qrels.train.tsv")):
        rows = [line.split("\t") for line in (beir / "qrels" / f"{split}.tsv").read_text().splitlines()[1:]]
        (root / official).write_text("".join(f"{q}\t0\t{p}\t{grade}\n" for q, p, grade in rows))
        judged_here = {row[0] for row in rows}
        name = "msmarco-test2019-queries.tsv" if split == "dl19" else f"queries.{split}.tsv"
        texts = [f"{q['_id']}\t{q['text']}\n" for q in queries if q["_id"] in judged_here]
        (root / name).write_text("".join(texts))
        ours, theirs = read_judged(str(root), split), read_judged(str(beir), split)
        assert (ours.name, ours.split, ours.queries, ours.qrels) == (
            theirs.name, theirs.split, theirs.queries, theirs.qrels
        )  # fmt: skip
        assert ours.fingerprint == theirs.fingerprint and ours.warnings == theirs.warnings == []
    ids = {"350", "421", "8841726"} & {record.id for record in records(beir)}
    assert read_judged(str(root), "dl19").texts(ids) == read_judged(str(beir), "dl19").texts(ids)
    assert [(r.id, r.text) for r in records(root)] == [(r.id, r.text) for r in records(beir)]


def records(folder: Path) -> list[Document]:
    found = list(open_corpus(str(folder), CorpusConfig()).records())
    assert all(isinstance(record, Document) for record in found)
    return [record for record in found if isinstance(record, Document)]
