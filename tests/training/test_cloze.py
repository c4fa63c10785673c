"""Groups out of passages alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tamis.indexer.passage import Passage
from tamis.training.cloze import cloze, with_distractors

SENTENCES = (
    "Sieves are used by bakers to part the fine from the coarse.",
    "A colander has larger holes, and is used for washing vegetables.",
    "The oldest ones that were found are four thousand years old.",
)


def passage(number: int, text: str, title: str = "") -> Passage:
    return Passage(f"p{number}", f"p{number}", title, text)


def test_the_query_is_a_sentence_that_is_mostly_taken_out_of_its_passage() -> None:
    groups = list(cloze([passage(n, " ".join(SENTENCES), "Sieves") for n in range(400)], "kitchen", seed=3))
    assert len(groups) == 400
    assert {group.query for group in groups} == set(SENTENCES)
    kept = [group for group in groups if group.query in group.passages[0]]
    assert 20 <= len(kept) <= 65, "a tenth of 400, give or take"
    for group in groups:
        assert group.passages[0].startswith("Sieves\n")
        assert sum(sentence in group.passages[0] for sentence in SENTENCES) == (3 if group in kept else 2)


def test_a_passage_of_one_sentence_asks_nothing_and_a_seed_gives_the_same_again() -> None:
    passages = [passage(0, "Too short."), passage(1, ""), passage(2, " ".join(SENTENCES))]
    (first,), (second,) = cloze(passages, "kitchen", seed=1), cloze(passages, "kitchen", seed=1)
    assert (first.query, first.passages) == (second.query, second.passages)


@given(st.lists(st.text(max_size=300), max_size=6))
def test_any_text_is_cut_at_its_own_characters(texts: list[str]) -> None:
    passages = [passage(number, text) for number, text in enumerate(texts)]
    for group in cloze(passages, "any"):
        assert any(group.query in text for text in texts)


def test_distractors_are_the_passages_of_other_groups() -> None:
    groups = with_distractors(list(cloze([passage(n, f"{n} " + " ".join(SENTENCES)) for n in range(5)], "k")), 3)
    assert [len(group.passages) for group in groups] == [4] * 5
    assert all(group.relevance.tolist() == [1, 0, 0, 0] for group in groups)
    assert all(len(set(group.passages)) == 4 for group in groups)
    (alone,) = with_distractors(list(cloze([passage(0, " ".join(SENTENCES))], "k")), 3)
    assert len(alone.passages) == 1
