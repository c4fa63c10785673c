from __future__ import annotations

import pytest

from tamis.errors import InvalidInput
from tamis.eval.judged import Judged
from tamis.eval.tune.parts import divide
from tamis.rankers.ranking import Query


def judged(split: str, count: int, prefix: str = "question") -> Judged:
    """A split of so many queries, each with one relevant passage."""
    queries = tuple(Query(f"{split}{number}", f"{prefix} {split} {number}") for number in range(count))
    return Judged("c", split, "c", queries, {query.id: {"p": 1} for query in queries})


def ids(part: Judged) -> set[str]:
    return {query.id for query in part.queries}


def test_two_thirds_fit_one_third_chooses_and_the_split_that_confirms_is_whole() -> None:
    parts = divide(judged("train", 90), judged("test", 30), limit=1_000, seed=0)
    assert (len(parts.training.queries), int(parts.is_fit.sum()), len(parts.held_out.queries)) == (90, 60, 30)
    assert parts.notes == ()


def test_without_a_split_that_confirms_a_third_is_set_aside() -> None:
    parts = divide(judged("train", 90), None, limit=1_000, seed=0)
    assert (len(parts.training.queries), len(parts.held_out.queries)) == (60, 30)
    assert ids(parts.training) | ids(parts.held_out) == ids(judged("train", 90))
    assert not ids(parts.training) & ids(parts.held_out)
    assert set(parts.held_out.qrels) == ids(parts.held_out)
    assert "a third of 'train'" in parts.notes[0]


def test_a_seed_decides_the_division() -> None:
    one, same, other = (divide(judged("train", 90), None, 50, seed) for seed in (1, 1, 2))
    assert ids(one.training) == ids(same.training)
    assert one.is_fit.tolist() == same.is_fit.tolist()
    assert ids(one.training) != ids(other.training)


def test_no_more_queries_are_taken_than_asked_for() -> None:
    parts = divide(judged("train", 200), judged("test", 100), limit=60, seed=0)
    assert (len(parts.training.queries), len(parts.held_out.queries)) == (60, 60)
    assert [note.split(" were")[0] for note in parts.notes] == [
        "60 of the 100 queries of 'test'",
        "60 of the 200 queries of 'train'",
    ]


def test_questions_that_both_splits_ask_are_left_out_of_the_training() -> None:
    """Whatever their ids, case and spacing: what was tuned on cannot confirm."""
    held_out = judged("test", 30)
    shared = tuple(Query(f"t{n}", f"  QUESTION  test {n} ") for n in range(5))
    own = judged("train", 60)
    training = Judged("c", "train", "c", own.queries + shared, own.qrels | {query.id: {"p": 1} for query in shared})
    parts = divide(training, held_out, 1_000, 0)
    assert ids(parts.training) == ids(own)
    assert parts.notes == ("5 training queries are also in 'test'; they were left out of the training",)


def test_the_same_split_twice_is_refused() -> None:
    with pytest.raises(InvalidInput, match="cannot be confirmed"):
        divide(judged("train", 90), judged("train", 90), 1_000, 0)


@pytest.mark.parametrize(
    ("training", "held_out", "purpose"),
    [(39, 30, "leaves 39 queries for tuning"), (40, 19, "leaves 19 queries for confirming"), (50, None, "leaves")],
)
def test_too_few_queries_are_refused(training: int, held_out: int | None, purpose: str) -> None:
    with pytest.raises(InvalidInput, match=purpose):
        divide(judged("train", training), judged("test", held_out) if held_out else None, 1_000, 0)
