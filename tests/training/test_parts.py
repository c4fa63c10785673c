"""A split is divided by what queries have in common, and its parts can be read like any collection."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tamis.cli.train import app
from tamis.errors import InvalidInput
from tamis.eval.judged import Judged, read_judged
from tamis.rankers.ranking import Query
from tamis.training.parts import into_parts, write_parts

SHARES = {"encoder": 4.0, "dev": 1.0, "blend": 5.0}


def judged(count: int = 100) -> Judged:
    """Queries 0 and 1, 2 and 3, ... have the same relevant passage, and one that is judged as not relevant for all."""
    queries = tuple(Query(f"q{n:03}", f"what is\tnumber {n}?") for n in range(count))
    qrels = {query.id: {f"d{n // 2}": 1 + n % 2, "other": 0} for n, query in enumerate(queries)}
    return Judged("pairs", "train", "", queries, qrels)


def test_queries_with_a_common_relevant_passage_stay_together() -> None:
    found = into_parts(judged(), SHARES)
    assert found.are_apart
    assert [(part.split, len(part.queries)) for part in found.parts] == [("encoder", 40), ("dev", 10), ("blend", 50)]
    answers = [{id_ for own in part.qrels.values() for id_, grade in own.items() if grade} for part in found.parts]
    assert not answers[0] & answers[1] and not answers[0] & answers[2] and not answers[1] & answers[2]
    assert sorted(query.id for part in found.parts for query in part.queries) == [f"q{n:03}" for n in range(100)]
    assert into_parts(judged(), SHARES).parts == found.parts
    assert into_parts(judged(), SHARES, seed=1).parts != found.parts


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    parts = into_parts(judged(), SHARES).parts
    write_parts(parts, tmp_path / "parts")
    for part in parts:
        read = read_judged(str(tmp_path / "parts"), part.split)
        assert (read.queries, read.qrels) == (part.queries, part.qrels)
    with pytest.raises(InvalidInput, match="is there already"):
        write_parts(parts, tmp_path / "parts")


def test_texts_are_those_of_the_collection(tmp_path: Path) -> None:
    """Its corpus is linked where it has the same layout."""
    whole = tmp_path / "whole"
    whole.mkdir()
    (whole / "corpus.jsonl").write_text('{"_id": "d0", "title": "", "text": "the first"}\n', encoding="utf-8")
    write_parts(into_parts(replace(judged(), corpus=str(whole)), SHARES).parts, tmp_path / "parts")
    assert (tmp_path / "parts" / "corpus.jsonl").samefile(whole / "corpus.jsonl")
    assert read_judged(str(tmp_path / "parts"), "dev").texts({"d0"})["d0"].text == "the first"


def test_where_all_share_a_passage_queries_are_drawn() -> None:
    whole = judged()
    same = Judged("same", "train", "", whole.queries, {query.id: {"d": 1} for query in whole.queries})
    found = into_parts(same, SHARES)
    assert not found.are_apart
    assert [len(part.queries) for part in found.parts] == [40, 10, 50]


def test_what_beirs_layout_would_lose_is_refused() -> None:
    with pytest.raises(InvalidInput, match="excluded passages; parts in BEIR's layout lose them"):
        into_parts(replace(judged(), excluded={"q001": frozenset({"d1"})}), SHARES)


@pytest.mark.parametrize(
    ("shares", "why"),
    [
        ({"all": 1.0}, "two parts or more, got 1"),
        ({"../x": 1.0, "b": 1.0}, "name has letters"),
        ({"a": 0.0, "b": 1.0}, "must be a number above 0, got 0.0"),
        ({"a": float("nan"), "b": 1.0}, "must be a number above 0, got nan"),
        ({"a": 1000.0, "b": 1.0, "c": 1.0}, "gets none of the 4 queries"),
    ],
)
def test_what_cannot_be_is_refused(shares: dict[str, float], why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        into_parts(judged(4), shares)


def test_the_command_divides_what_comes_with_tamis(tmp_path: Path) -> None:
    out = tmp_path / "parts"
    arguments = ["split", "pydocs", "--part", "encoder=4", "--part", "blend=6", "--out", str(out)]
    found = CliRunner().invoke(app, arguments)
    assert found.exit_code == 0, found.output
    read = {name: read_judged(str(out), name) for name in ("encoder", "blend")}
    assert sum(len(part.queries) for part in read.values()) == 100
    for name, part in read.items():
        assert f"{name} {len(part.queries)} queries" in found.stderr


@pytest.mark.parametrize("given", ["encoder", "encoder=many", "=1"])
def test_a_part_that_cannot_be_read_is_refused(tmp_path: Path, given: str) -> None:
    arguments = ["split", "pydocs", "--part", given, "--part", "blend=6", "--out", str(tmp_path / "parts")]
    with pytest.raises(InvalidInput, match=r"NAME=SHARE|name has letters"):
        CliRunner().invoke(app, arguments, catch_exceptions=False)
    with pytest.raises(InvalidInput, match="given twice"):
        CliRunner().invoke(app, [*arguments[:3], "blend=1", *arguments[4:]], catch_exceptions=False)
