"""Layouts: spliced tokens are those of the tokenizer's own pair or prompt, and only passages are cut."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from tamis.errors import InvalidInput
from tamis.models.bundle import ModelBundle
from tamis.models.layout import PASSAGE_SHARE, PairLayout, filled, first_ids, layout_of, token_ids
from tamis.models.settings import BundleSettings, ScorerSettings
from tamis.models.tokenizer import load_tokenizer

from .conftest import Exported

TEXT = st.text(max_size=80) | st.sampled_from(
    [
        "",
        " ",
        "what is a tamis?",
        "[SEP] is special",
        "emoji 🙂🇳🇿 here",
        "東京は日本",
        "اللغة العربية",
        "a" * 300,
        "e\u0301 x",
    ]
)
WORDS = st.text(st.sampled_from("abcdefg tT.,?5é東 "), max_size=80)


def with_window(bundle: ModelBundle, window: int) -> BundleSettings:
    """Give a bundle's settings with another window."""
    return bundle.settings.model_copy(update={"max_length": window})


@pytest.fixture(scope="module")
def minilm(fp32: ModelBundle) -> tuple[Tokenizer, BundleSettings]:
    """A real vocabulary."""
    scorer = ScorerSettings(vocabulary=30_522, logits=1)
    return load_tokenizer(fp32), fp32.settings.model_copy(update={"scorer": scorer, "max_length": 48})


@given(query=TEXT, passage=TEXT)
@settings(deadline=None)
def test_a_pair_is_the_tokenizers_own(minilm: tuple[Tokenizer, BundleSettings], query: str, passage: str) -> None:
    tokenizer, given_settings = minilm
    whole = tokenizer.encode(query, passage)
    found = layout_of(tokenizer, with_max(given_settings, 2_000)).join(
        token_ids(tokenizer, query), token_ids(tokenizer, passage)
    )
    assert (found.ids.tolist(), found.types.tolist()) == (whole.ids, whole.type_ids)
    assert not found.passage_cut
    assert not found.query_cut


def with_max(given_settings: BundleSettings, window: int) -> BundleSettings:
    return given_settings.model_copy(update={"max_length": window})


@given(passage=st.text(max_size=600) | st.just("word " * 100_000))
@settings(deadline=None, max_examples=40)
def test_a_cut_pair_is_the_tokenizers_own_cut_of_the_second(
    minilm: tuple[Tokenizer, BundleSettings], passage: str
) -> None:
    tokenizer, given_settings = minilm
    query = "what is a tamis?"
    layout = layout_of(tokenizer, given_settings)
    found = layout.join(token_ids(tokenizer, query), first_ids(tokenizer, passage, layout.window))
    uncut = len(tokenizer.encode(query, passage).ids)
    try:
        tokenizer.enable_truncation(48, strategy="only_second")
        whole = tokenizer.encode(query, passage)
    finally:
        tokenizer.no_truncation()
    assert (found.ids.tolist(), found.types.tolist()) == (whole.ids, whole.type_ids)
    assert found.passage_cut == (uncut > 48)


@given(query=WORDS, passage=WORDS)
@settings(deadline=None)
def test_a_prompt_is_the_tokenizers_own_of_the_whole_text(monot5: Exported, query: str, passage: str) -> None:
    tokenizer, given_settings = load_tokenizer(monot5.bundle), monot5.bundle.settings
    assert given_settings.scorer is not None
    assert given_settings.scorer.prompt == "Query: {query} Document: {passage} Relevant:"
    found = layout_of(tokenizer, with_max(given_settings, 2_000)).join(
        token_ids(tokenizer, query), token_ids(tokenizer, passage)
    )
    assert found.ids.tolist() == tokenizer.encode(filled(given_settings.scorer.prompt, query, passage)).ids


def test_a_long_passage_loses_its_end_and_nothing_else() -> None:
    layout = PairLayout([1], [2], [3, 4], (0, 0, 0, 1, 1), window=10)
    found = layout.join([20, 21], [30, 31, 32, 33, 34, 35])
    assert found.ids.tolist() == [1, 20, 21, 2, 30, 31, 32, 33, 3, 4]
    assert found.types.tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 1, 1]
    assert (found.passage_cut, found.query_cut) == (True, False)


def test_a_query_beyond_the_window_leaves_the_passage_its_share() -> None:
    """Room for 20 tokens: 5 are the passage's, whatever the query."""
    layout = PairLayout([1], [2], [3], (0, 0, 0, 0, 0), window=23)
    found = layout.join(list(range(100, 200)), list(range(300, 400)))
    assert found.ids.tolist() == [1, *range(100, 115), 2, *range(300, 305), 3]
    assert PASSAGE_SHARE == 0.25
    assert (found.passage_cut, found.query_cut) == (True, True)
    short = layout.join(list(range(100, 200)), [])
    assert (len(short.ids), short.passage_cut, short.query_cut) == (18, False, True)


def test_a_layout_without_query_gives_the_passage_all_the_room() -> None:
    layout = PairLayout([1], [], [3], (0, 0, 0, 0, 0), window=6, reads_query=False)
    found = layout.join([9, 9], [30, 31, 32, 33, 34])
    assert found.ids.tolist() == [1, 30, 31, 32, 33, 3]
    assert (found.passage_cut, found.query_cut) == (True, False)


def test_a_window_too_small_for_a_pair_is_refused(cross_encoder: Exported) -> None:
    with pytest.raises(InvalidInput, match="a window of 4 tokens leaves no room"):
        layout_of(load_tokenizer(cross_encoder.bundle), with_window(cross_encoder.bundle, 4))


@pytest.mark.parametrize(
    "prompt", ["Relevant:", "{passage} {query}", "{passage} {passage}", "{query} {text} {passage}", "{query}"]
)
def test_a_prompt_without_its_places_is_refused(monot5: Exported, prompt: str) -> None:
    scorer = ScorerSettings(vocabulary=10_000, logits=2, prompt=prompt, targets=("true", "false"))
    with pytest.raises(InvalidInput, match=r"needs one \{passage\}"):
        layout_of(load_tokenizer(monot5.bundle), monot5.bundle.settings.model_copy(update={"scorer": scorer}))


def test_a_tokenizer_that_joins_words_is_refused_for_prompts() -> None:
    """Its tokens of a text alone are not those of the text in a prompt."""
    from tokenizers import models

    tokenizer = Tokenizer(models.Unigram([("<unk>", 0.0), *((letter, -5.0) for letter in "abcd :"), ("a b", -1.0)], 0))
    scorer = ScorerSettings(vocabulary=100, logits=2, prompt="d {passage} b", targets=("a", "b"))
    given_settings = BundleSettings(
        kind="quality-t5", name="joined", dimension=1, max_length=400, scorer=scorer, files={}
    )
    with pytest.raises(InvalidInput, match="reads a text differently in its place than alone"):
        layout_of(tokenizer, given_settings)


def test_braces_in_texts_are_texts() -> None:
    assert filled("Query: {query} Document: {passage}", "{passage}", "{query} {0.x}") == (
        "Query: {passage} Document: {query} {0.x}"
    )


def test_words_that_are_nothing_to_the_tokenizer_do_not_shorten_a_passage(cross_encoder: Exported) -> None:
    """The beginning of a passage may be all control characters."""
    tokenizer = load_tokenizer(cross_encoder.bundle)
    text = "\u0001 " * 100 + "tokens of real words at last"
    assert first_ids(tokenizer, text, 50) == token_ids(tokenizer, text)
    assert len(first_ids(tokenizer, "word " * 1_000, 50)) < 500
