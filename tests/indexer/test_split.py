"""Splitting: nothing lost, nothing too long, sentences kept whole."""

from __future__ import annotations

import re
import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from tamis.errors import DamagedFile
from tamis.indexer.config import SplitConfig
from tamis.indexer.passage import Document, Passage
from tamis.indexer.split import Splitter

WORDS = ["sieve", "mesh", "flour", "the", "a", "of", "and", "fine", "drum", "cook", "press", "through", "silk"]


@pytest.fixture(scope="module")
def tokenizers_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A WordPiece tokenizer as BERT has it, and a byte-level BPE one to which newlines are tokens."""
    folder = tmp_path_factory.mktemp("tokenizers")
    letters = "abcdefghijklmnopqrstuvwxyz0123456789.,!?#*-_`"
    vocabulary = ["[UNK]", "[CLS]", "[SEP]", *WORDS, *letters, *(f"##{letter}" for letter in letters)]
    wordpiece = Tokenizer(models.WordPiece({word: n for n, word in enumerate(vocabulary)}, unk_token="[UNK]"))
    wordpiece.normalizer = normalizers.BertNormalizer()
    wordpiece.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    wordpiece.enable_truncation(8)
    wordpiece.enable_padding(length=8)
    wordpiece.save(str(folder / "wordpiece.json"))
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    bpe.train_from_iterator([" ".join(WORDS)] * 3, trainer)
    bpe.save(str(folder / "bpe.json"))
    return folder


def split(
    text: str, config: SplitConfig, tokenizer: Path | None, name: str = "a.txt", title: str = ""
) -> list[Passage]:
    return Splitter(config, tokenizer).split(Document(name, title, text, {"k": 1}, is_file=True))


def assert_nothing_lost(text: str, passages: list[Passage]) -> None:
    """Each passage lies in the text, and begins no later than where the one before it ended, white space aside."""
    end = 0
    for passage in passages:
        goes_on = len(text) - len(text[end:].lstrip())
        start = text.rfind(passage.text, 0, goes_on + len(passage.text))
        assert start >= 0, f"lost at {end}: {text[end : end + 40]!r} is not how {passage.text!r} begins"
        end = max(end, start + len(passage.text))
    assert not text[end:].strip(), f"lost at the end: {text[end:]!r}"


TEXTS = st.lists(
    st.sampled_from(
        [*WORDS, ". ", "! ", "\n", "\n\n", "\r\n", "# ", "```\n", "- ", " ", "x" * 150, "é", "語", "🙂", "\t"]
    )
    | st.text(max_size=5),
    max_size=120,
).map(lambda parts: " ".join(parts))


@settings(max_examples=150, deadline=None)
@given(
    text=TEXTS,
    tokens=st.integers(16, 40),
    overlap=st.integers(0, 15),
    kind=st.sampled_from(["wordpiece", "bpe", ""]),
    name=st.sampled_from(["a.txt", "a.md"]),
)
def test_properties(tokenizers_folder: Path, text: str, tokens: int, overlap: int, kind: str, name: str) -> None:
    """Whatever the text: nothing is lost, nothing exceeds the window, and the same comes out twice."""
    config = SplitConfig(tokens=tokens, overlap=overlap)
    tokenizer = tokenizers_folder / f"{kind}.json" if kind else None
    passages = split(text, config, tokenizer, name)
    assert_nothing_lost(text, passages)
    count = Splitter(config, tokenizer).count
    assert all(count(passage.text) <= tokens for passage in passages)
    assert [passage.id for passage in passages] == [f"{name}#{number}" for number in range(len(passages))]
    assert passages == split(text, config, tokenizer, name)


def test_records_stay_whole_unless_splitting_is_enabled(tokenizers_folder: Path) -> None:
    document = Document("d", "T", "one. " * 200, {"k": 1})
    whole = Splitter(SplitConfig(), tokenizers_folder / "wordpiece.json").split(document)
    assert whole == [Passage("d", "d", "T", document.text, {"k": 1})]
    cut = Splitter(SplitConfig(enabled=True), tokenizers_folder / "wordpiece.json").split(document)
    assert len(cut) > 1
    assert all((p.document_id, p.title, p.metadata) == ("d", "T", {"k": 1}) for p in cut)


def test_a_short_record_is_numbered_too() -> None:
    """Once splitting is on, every id has the same form; a record with a title alone keeps a passage."""
    splitter = Splitter(SplitConfig(enabled=True), None)
    assert splitter.split(Document("d", "", "short")) == [Passage("d#0", "d", "", "short")]
    assert splitter.split(Document("d", "title", " ")) == [Passage("d#0", "d", "title", "")]


def test_sentences_are_kept_whole(tokenizers_folder: Path) -> None:
    """Passages end where sentences end, also in a text that was wrapped at a fixed width."""
    sentence = "The cook and the drum press the fine flour of silk through a mesh"
    text = " ".join(f"{sentence}{' of fine silk' * (number % 3)}." for number in range(30))
    wrapped = re.sub(r"(.{60,70}) ", r"\1\n", text)
    config = SplitConfig(tokens=48, overlap=0)
    for candidate in (text, wrapped):
        passages = split(candidate, config, tokenizers_folder / "wordpiece.json")
        assert len(passages) > 5
        assert all(passage.text.startswith("The") and passage.text.endswith(".") for passage in passages)
        assert_nothing_lost(candidate, passages)


def test_lines_that_are_no_wrapped_prose_are_kept(tokenizers_folder: Path) -> None:
    """Items of a list are boundaries although no full stop ends them."""
    text = "\n".join(f"- the fine flour of the drum and the silk of the mesh {number}" for number in range(30))
    passages = split(text, SplitConfig(tokens=40, overlap=0), tokenizers_folder / "wordpiece.json")
    assert all(passage.text.startswith("- ") for passage in passages)


def test_overlap(tokenizers_folder: Path) -> None:
    """Neighbours share whole sentences, no more of them than the overlap allows."""
    text = " ".join(f"The fine flour of the mesh {number}." for number in range(10, 40))
    splitter = Splitter(SplitConfig(tokens=40, overlap=10), tokenizers_folder / "wordpiece.json")
    passages = splitter.split(Document("a", "", text, is_file=True))
    for before, after in pairwise(passages):
        shared = re.split(r"(?<=\.) ", after.text)[0]
        assert before.text.endswith(shared)
        assert 0 < splitter.count(shared) <= 10


def test_title_and_text_fit_together(tokenizers_folder: Path) -> None:
    """The title is encoded with each passage, so it takes of the window, at most half."""
    text = "The fine flour of the mesh. " * 50
    splitter = Splitter(SplitConfig(tokens=40, overlap=5), tokenizers_folder / "wordpiece.json")
    for title, longest in [("the fine mesh", 40), ("the " * 17, 40), ("the " * 100, 120)]:
        passages = splitter.split(Document("a", title.strip(), text, is_file=True))
        assert max(splitter.count(passage.text) for passage in passages) >= 14
        assert max(splitter.count(passage.contents) for passage in passages) <= longest


def test_words_that_the_encoder_does_not_know_do_not_hide_a_text(tokenizers_folder: Path) -> None:
    """A run of a thousand letters is one unknown token, and still is cut."""
    passages = split("x" * 10_000, SplitConfig(tokens=20, overlap=0), tokenizers_folder / "wordpiece.json")
    assert "".join(passage.text for passage in passages) == "x" * 10_000
    assert max(len(passage.text) for passage in passages) <= 8 * 20


@pytest.mark.parametrize(
    ("word", "end"),
    [
        ("0.125,", ""),
        ("mesh ", "\n"),
        ("The fine flour. ", "\n\nthe end\n"),
        ("the fine flour of the drum and the silk of the mesh\n", "\nthe end\n"),
    ],
)
def test_four_times_the_text_takes_about_four_times_as_long(tokenizers_folder: Path, word: str, end: str) -> None:
    """Numbers without spaces, one endless line, one endless wrapped paragraph: the time grows with the length."""
    splitter = Splitter(SplitConfig(tokens=64, overlap=16), tokenizers_folder / "wordpiece.json")
    seconds = []
    for length in (10_000, 10_000, 40_000):  # the first call warms up
        document = Document("a", "", word * (length // len(word)) + end, is_file=True)
        start = time.process_time()
        passages = splitter.split(document)
        seconds.append(time.process_time() - start)
        assert len(passages) > length // (8 * 64)
    assert seconds[2] < 9 * seconds[1], "four times as long, or sixteen"


def test_markdown_is_cut_at_headings(tokenizers_folder: Path) -> None:
    section = "The fine flour.\nThe drum and the mesh.\n"
    text = "".join(f"## Part {number}\n\n{section}\n" for number in range(10))
    passages = split(text, SplitConfig(tokens=20, overlap=0), tokenizers_folder / "wordpiece.json", "a.md")
    assert len(passages) == 10 and all(passage.text.startswith("## Part") for passage in passages)


def test_without_a_tokenizer_a_token_is_four_characters() -> None:
    passages = split("word " * 1000, SplitConfig(tokens=50, overlap=0), None)
    assert 150 < max(len(passage.text) for passage in passages) <= 200


def test_overlap_must_be_smaller_than_the_window() -> None:
    with pytest.raises(ValidationError, match=r"overlap \(40\) must be smaller than tokens \(40\)"):
        SplitConfig(tokens=40, overlap=40)


def test_a_broken_tokenizer_is_named(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    for path in (tmp_path / "tokenizer.json", tmp_path / "none.json"):
        with pytest.raises(DamagedFile, match=re.escape(str(path))):
            Splitter(SplitConfig(), path)
