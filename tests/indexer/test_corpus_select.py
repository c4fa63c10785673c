"""Texts by id without an index: one pass, memory bounded by what is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tamis.errors import InvalidInput
from tamis.indexer.config import CorpusConfig
from tamis.indexer.corpus.open import Corpus, open_corpus
from tamis.indexer.corpus.select import select


def corpus_of(path: Path, text: str) -> Corpus:
    path.write_text(text)
    return open_corpus(str(path), CorpusConfig())


def test_only_what_is_asked_for_is_read(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path / "corpus.jsonl", "".join(f'{{"_id": {n}, "text": "text {n}"}}\n' for n in range(100)))
    seen: list[int] = []
    found = select(corpus, ["7", "3", "7"], seen.append)
    assert {id_: document.text for id_, document in found.items()} == {"3": "text 3", "7": "text 7"}
    assert seen == [1, 2]
    assert select(corpus, []) == {}


def test_the_pass_ends_when_all_were_found(tmp_path: Path) -> None:
    """What follows is not looked at: a damaged tail of a corpus is its index's business."""
    assert list(select(corpus_of(tmp_path / "corpus.jsonl", '{"_id": "1", "text": "x"}\n{broken'), {"1"})) == ["1"]


def test_missing_ids_are_counted_and_ten_are_named(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path / "corpus.jsonl", '{"_id": "a", "text": "x"}\n{"_id": "e", "text": " "}\n')
    with pytest.raises(InvalidInput, match=r"12 of 13 passages are not in .*: 'm00', 'm01', .*'m09', \.\.\.$"):
        select(corpus, {f"m{number:02}" for number in range(12)} | {"a"})
    with pytest.raises(InvalidInput, match=r"1 of 1 passages .*: 'e' \(text and title are both empty\)$"):
        select(corpus, {"e"})


def test_of_several_records_the_first_that_can_be_indexed_is_taken(tmp_path: Path) -> None:
    text = '{"_id": "a", "text": " "}\n{"_id": "a", "text": "first"}\n{"_id": "a", "text": "second"}\n'
    assert select(corpus_of(tmp_path / "corpus.jsonl", text), {"a"})["a"].text == "first"


def test_memory_is_bounded_by_what_is_asked_for(tmp_path: Path) -> None:
    """10 MB of records and 100,000 ids pass; less than 2 MB is held at any time."""
    import tracemalloc

    corpus = corpus_of(tmp_path / "corpus.tsv", "".join(f"{number}\t{'x' * 100}\n" for number in range(100_000)))
    tracemalloc.start()
    try:
        assert len(select(corpus, {"5", "99999"})) == 2
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()
