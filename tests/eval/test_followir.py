"""FollowIR's two layouts, and p-MRR against hand-computed values and mteb's formula."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.errors import InvalidInput
from tamis.eval.followir import p_mrr
from tamis.eval.formats.content import Pair
from tamis.eval.judged import read_judged
from tamis.eval.trec import Run

CORPUS = [{"_id": id_, "title": "", "text": f"text of {id_}"} for id_ in "abcd"]
QUESTION = {
    "_id": "310", "text": "which dam", "instruction_og": "Costs are relevant.",
    "instruction_changed": "Costs are not relevant.", "short_query": "dam", "keywords": "dam",
}  # fmt: skip
ORIGINAL = {"a": 2, "b": 1, "c": 0}
CHANGED = {"a": 2, "b": 0, "c": 0}


def run(**rankings: str) -> Run:
    """A run: query ids with `_` for `-`, passages as letters."""
    return Run(
        {
            query.replace("_", "-"): (list(ids), np.arange(len(ids), 0, -1, dtype=np.float32))
            for query, ids in rankings.items()
        }
    )


def jsonl(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_bytes(b"\n".join(map(orjson.dumps, rows)))


def parquet(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path.with_name(f"{path.name}-00000-of-00001.parquet"))


@pytest.fixture
def first_layout(tmp_path: Path) -> Path:
    """As FollowIR's authors published it."""
    root = tmp_path / "core17"
    root.mkdir()
    jsonl(root / "corpus.jsonl", CORPUS)
    jsonl(root / "queries.jsonl", [QUESTION])
    jsonl(root / "top_ranked.jsonl", [{"qid": "310", "pid": id_} for id_ in "dcba"])
    for name, judged in (("qrels_og", ORIGINAL), ("qrels_changed", CHANGED)):
        (root / name).mkdir()
        rows = "".join(f"310\t{id_}\t{grade}\n" for id_, grade in judged.items())
        (root / name / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\n{rows}")
    return root


@pytest.fixture
def mteb_layout(tmp_path: Path) -> Path:
    """As mteb keeps it on the Hugging Face hub; grades are floats there."""
    root = tmp_path / "core17-mteb"
    root.mkdir()
    sides = {"og": ORIGINAL, "changed": CHANGED}
    parquet(root / "corpus" / "corpus", CORPUS)
    parquet(root / "queries" / "queries", [{"_id": f"310-{side}", "text": "which dam"} for side in sides])
    parquet(root / "instruction" / "instruction", [
        {"query-id": f"310-{side}", "instruction": QUESTION[f"instruction_{side}"]} for side in sides
    ])  # fmt: skip
    parquet(root / "data" / "test", [
        {"query-id": f"310-{side}", "corpus-id": id_, "score": float(grade)}
        for side, judged in sides.items() for id_, grade in judged.items()
    ])  # fmt: skip
    parquet(root / "qrel_diff" / "qrel_diff", [{"query-id": "310", "corpus-ids": ["b"]}])
    parquet(root / "top_ranked" / "top_ranked", [
        {"query-id": f"310-{side}", "corpus-ids": list("dcba")} for side in sides
    ])  # fmt: skip
    return root


def test_both_layouts_say_the_same(first_layout: Path, mteb_layout: Path) -> None:
    first, mteb = read_judged(str(first_layout), "test"), read_judged(str(mteb_layout), "test")
    assert [(query.id, query.text) for query in first.queries] == [
        ("310-changed", "which dam Costs are not relevant."), ("310-og", "which dam Costs are relevant.")
    ]  # fmt: skip
    assert first.qrels == {"310-og": ORIGINAL, "310-changed": CHANGED}
    assert first.pairs == (Pair("310", "310-og", "310-changed", ("b",)),)
    assert first.pools == {"310-og": list("dcba"), "310-changed": list("dcba")}
    assert (mteb.queries, mteb.qrels, mteb.pairs, mteb.pools) == (first.queries, first.qrels, first.pairs, first.pools)
    assert mteb.fingerprint == first.fingerprint and mteb.warnings == first.warnings == []
    assert mteb.texts(["a", "d"]) == first.texts(["a", "d"]) == {"a": ("", "text of a"), "d": ("", "text of d")}


def test_rows_that_lack_a_field_are_named(first_layout: Path) -> None:
    jsonl(first_layout / "queries.jsonl", [{"_id": "310", "text": "which dam"}])
    with pytest.raises(InvalidInput, match=r"queries\.jsonl:1: expected a field instruction_og, found _id, text"):
        read_judged(str(first_layout), "test")


PAIR = Pair("1", "1-og", "1-changed", ("b",))


@pytest.mark.parametrize(
    ("original", "changed", "expected"),
    [
        ("abcd", "acdb", 1 - 2 / 4),  # from rank 2 down to 4
        ("acdb", "abcd", 2 / 4 - 1),  # and back up
        ("abcd", "bacd", 1 / 2 - 1),
        ("abcd", "dbac", 0),
        ("abcd", "acd", 1 - 2 / 4),  # not in the list: right behind it
        ("acd", "abcd", 2 / 4 - 1),
    ],
)
def test_moves_by_hand(original: str, changed: str, expected: float) -> None:
    assert p_mrr(run(**{"1_og": original, "1_changed": changed}), [PAIR]).mean == pytest.approx(expected, abs=1e-15)


def test_the_mean_is_over_passages_then_questions() -> None:
    """Question 1: b moves 2 to 4, c 3 to 2, mean (1/2 - 1/3) / 2; question 2: 1 to 2, 1/2."""
    pairs = [Pair("1", "1-og", "1-changed", ("b", "c")), Pair("2", "2-og", "2-changed", ("a",)),
             Pair("3", "3-og", "3-changed", ("a",))]  # fmt: skip
    found = p_mrr(run(**{"1_og": "abcd", "1_changed": "acdb", "2_og": "ab", "2_changed": "ba", "3_og": "ab"}), pairs)
    assert found.per_pair == {"1": pytest.approx((1 / 2 - 1 / 3) / 2), "2": pytest.approx(1 / 2)}
    assert found.mean == pytest.approx(((1 / 2 - 1 / 3) / 2 + 1 / 2) / 2)
    assert found.missing == ("3",)


def test_runs_without_pairs_are_refused() -> None:
    with pytest.raises(InvalidInput, match="answers none of the 1 pairs of queries; the first is '1-og'"):
        p_mrr(run(**{"1": "ab"}), [PAIR])
    with pytest.raises(InvalidInput, match="needs pairs of queries"):
        p_mrr(run(**{"1_og": "ab"}), [])


def mteb_p_mrr(run: Run, pairs: list[Pair]) -> float:
    """Mteb's formula written out: reciprocal ranks from scores sorted anew, then means by question."""
    questions = []
    for pair in pairs:
        moves = []
        for passage in pair.passages:
            ranks = []
            for query in (pair.original, pair.changed):
                ids, scores = run.rankings[query]
                ordered = sorted(zip(scores.tolist(), ids, strict=True), reverse=True)
                ranks.append(next((n for n, (_, id_) in enumerate(ordered, 1) if id_ == passage), len(ordered) + 1))
            og, new = 1 / ranks[0], 1 / ranks[1]
            moves.append(og / new - 1 if ranks[0] >= ranks[1] else 1 - new / og)
        questions.append(sum(moves) / len(moves))
    return sum(questions) / len(questions)


@given(st.lists(st.tuples(st.permutations("abcdef"), st.permutations("abcdef"), st.sets(st.sampled_from("abcdefxy"), min_size=1)), min_size=1, max_size=4))  # fmt: skip # noqa: E501
def test_agrees_with_mtebs_formula(drawn: list[tuple[list[str], list[str], set[str]]]) -> None:
    rankings: dict[str, str] = {}
    pairs = []
    for number, (original, changed, passages) in enumerate(drawn):
        pairs.append(Pair(str(number), f"{number}-og", f"{number}-changed", tuple(sorted(passages))))
        rankings |= {f"{number}_og": "".join(original), f"{number}_changed": "".join(changed)}
    found = run(**rankings)
    value = p_mrr(found, pairs)
    assert value.mean == pytest.approx(mteb_p_mrr(found, pairs))
    assert -1 < value.mean < 1
    swapped = [Pair(pair.id, pair.changed, pair.original, pair.passages) for pair in pairs]
    assert p_mrr(found, swapped).mean == pytest.approx(-value.mean), "the contrary change counts the contrary"
