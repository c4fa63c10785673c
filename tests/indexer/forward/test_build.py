"""The forward index against the texts that it was built from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from tamis.errors import BuildError, DamagedFile, NotFound
from tamis.indexer.forward import build
from tamis.indexer.forward.build import build_forward
from tamis.indexer.forward.forward import ForwardIndex
from tamis.indexer.forward.layout import ABOUT, LONGEST_TITLE, ForwardSettings
from tamis.indexer.forward.vocabulary import UNKNOWN, Vocabulary
from tamis.indexer.passage import Passage
from tamis.indexer.passages import PassageStore
from tamis.indexer.published import ENCODER, PASSAGES
from tamis.indexer.sparse.analysis import analyzer_for

MakeForward = Callable[[list[tuple[str, str]]], Path]
ENGLISH = analyzer_for("en")


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def check(passages: list[tuple[str, str]], folder: Path, tokenizer: Tokenizer) -> None:
    """Read every passage back, and count everything anew."""
    forward = ForwardIndex.open(folder)
    words, terms = Vocabulary(folder / "words"), Vocabulary(folder / "terms")
    contents = [f"{title}\n{text}" if title else text for title, text in passages]
    assert forward.passages == len(passages)
    lengths = {
        "analysed": forward.term_lengths,
        "unstemmed": np.diff(forward.words.ends),
        "wordpiece": np.diff(forward.pieces.ends),
    }
    read: dict[str, list[list[str]]] = {"analysed": [], "unstemmed": [], "wordpiece": []}
    for row, (title, _) in enumerate(passages):
        numbers = forward.words.of(row)
        assert forward.words.title_length(row) == min(LONGEST_TITLE, len(ENGLISH.words(title)))
        read["unstemmed"].append([words[number] for number in numbers])
        read["analysed"].append([terms[number] for number in forward.terms_of_words[numbers] if number >= 0])
        ids = forward.pieces.of(row)
        read["wordpiece"].append([str(tokenizer.id_to_token(int(number))) for number in ids])
    assert read["unstemmed"] == [ENGLISH.words(text) for text in contents]
    assert read["analysed"] == [ENGLISH(text) for text in contents]
    assert read["wordpiece"] == [tokenizer.encode(text, add_special_tokens=False).tokens for text in contents]
    for field, statistics in forward.statistics.items():
        bags = [Counter(tokens) for tokens in read[field]]
        assert lengths[field].tolist() == [bag.total() for bag in bags]
        assert statistics.documents == sum(1 for bag in bags if bag)
        assert statistics.tokens == sum(bag.total() for bag in bags)
        names = {"analysed": terms, "unstemmed": words}.get(field)
        spell = tokenizer.id_to_token if names is None else names.__getitem__
        cf = {spell(int(n)): int(statistics.cf[n]) for n in np.flatnonzero(statistics.cf)}
        df = {spell(int(n)): int(statistics.df[n]) for n in np.flatnonzero(statistics.df)}
        assert cf == sum(bags, Counter())
        assert df == Counter(token for bag in bags for token in bag)
    for number in range(len(terms)):
        start = forward.word_ends[number - 1] if number else 0
        of_term = forward.words_of_terms[start : forward.word_ends[number]]
        assert sorted(of_term) == np.flatnonzero(forward.terms_of_words == number).tolist()


TEXTS = st.text(st.sampled_from("abcAB '.,3é日\n\t-_"), max_size=60)


@settings(max_examples=40, deadline=None)
@given(passages=st.lists(st.tuples(TEXTS.map(str.strip), TEXTS), max_size=8))
def test_what_is_read_is_what_was_written(
    passages: list[tuple[str, str]], make_forward: MakeForward, tokenizer_file: Path
) -> None:
    check(passages, make_forward(passages), Tokenizer.from_file(str(tokenizer_file)))


def test_real_text_with_the_encoders_own_tokenizer(tiny_index: Path, tmp_path: Path) -> None:
    version = tiny_index / "current"
    store = PassageStore(version / PASSAGES)
    tokenizer_file = version / ENCODER / "tokenizer.json"
    done: list[int] = []
    build_forward(store, ForwardSettings("en", tokenizer_file), tmp_path / "forward", done.append)
    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    check([(passage.title, passage.text) for passage in store], tmp_path / "forward", tokenizer)
    assert done[-1] == len(store) > 100


def test_the_same_passages_give_the_same_bytes(make_forward: MakeForward, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when they are tokenised, counted and written in many parts."""
    passages = [(f"title {number % 3}", f"text {number} of the cats {number * 7919}") for number in range(200)]
    first = files(make_forward(passages))
    monkeypatch.setattr(build, "PART", 50)
    monkeypatch.setattr(build, "BATCH", 7)
    assert files(make_forward(passages)) == first
    assert files(make_forward([*passages[:-1], ("", "other")])) != first


def test_more_words_than_two_bytes_tell_apart(make_forward: MakeForward, tokenizer_file: Path) -> None:
    passages = [("", " ".join(f"w{row}x{number}" for number in range(35_000))) for row in range(2)]
    passages += [("", "w0x34999 w1x34999 w0x0")]
    folder = make_forward(passages)
    forward = ForwardIndex.open(folder)
    vocabulary = Vocabulary(folder / "words")
    assert (folder / "words" / "high.npy").is_file()
    assert [vocabulary[number] for number in forward.words.of(2)] == ["w0x34999", "w1x34999", "w0x0"]
    assert [vocabulary[number] for number in forward.words.of(1)] == passages[1][1].split()
    found = forward.read_query("w1x7 w1x34999")["unstemmed"].numbers
    assert [vocabulary[number] for number in found] == ["w1x7", "w1x34999"]


def test_a_title_beyond_the_limit_is_cut_off_from_the_text(make_forward: MakeForward) -> None:
    forward = ForwardIndex.open(make_forward([("t " * (LONGEST_TITLE + 5), "text")]))
    assert forward.words.title_length(0) == LONGEST_TITLE
    assert len(forward.words.of(0)) == LONGEST_TITLE + 6


def test_queries_are_read_like_passages(make_forward: MakeForward) -> None:
    forward = ForwardIndex.open(make_forward([("Cats", "The dog's running; x")]))
    found = forward.read_query("the dog RUNS unheard\ud800 日")
    assert found["unstemmed"].strings == ["the", "dog", "runs", "unheard", "日"]
    assert (found["unstemmed"].numbers >= 0).tolist() == [True, True, False, False, False]
    assert found["analysed"].strings == ["dog", "run", "unheard", "日"]
    assert (found["analysed"].numbers >= 0).tolist() == [True, True, False, False]
    assert found["wordpiece"].strings[:3] == ["the", "dog", "run"]
    assert found["wordpiece"].strings[-1] == "[UNK]"
    assert found["wordpiece"].numbers[-1] == UNKNOWN  # what cannot be spelt matches nothing


def test_what_the_disk_refuses_is_a_build_error(tmp_path: Path, tokenizer_file: Path) -> None:
    (tmp_path / "words").write_text("no folder")
    with pytest.raises(BuildError, match="make room and run it again"):
        build_forward(
            [Passage("1", "1", "", "x")],
            ForwardSettings("en", tokenizer_file),
            tmp_path,
            lambda done: None,
        )


def test_no_index(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no forward index"):
        ForwardIndex.open(tmp_path)


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / ABOUT).write_text("{"),
        lambda folder: (folder / ABOUT).write_text("[]"),
        lambda folder: (folder / ABOUT).write_bytes(about(folder, format=2)),
        lambda folder: (folder / ABOUT).write_bytes(about(folder, language="xx", fields={})),
        lambda folder: (folder / ABOUT).write_bytes(about(folder, passages=3)),
        lambda folder: (folder / "words" / "low.npy").write_bytes((folder / "words" / "low.npy").read_bytes()[:-1]),
        lambda folder: (folder / "words" / "df.npy").write_bytes(b""),
        lambda folder: (folder / "terms" / "strings.npy").unlink(),
        lambda folder: (folder / "pieces" / "ends.npy").unlink(),
        lambda folder: (folder / "words" / "low.npy").unlink(),
        lambda folder: (folder / "tokenizer.json").write_text("{}"),
    ],
)
def test_damage_is_refused(damage: Callable[[Path], object], make_forward: MakeForward) -> None:
    folder = make_forward([("", "cats run"), ("dog", "x")])
    if (folder / "tokenizer.json").stat().st_nlink > 1:  # do not write to the file that others share
        text = (folder / "tokenizer.json").read_bytes()
        (folder / "tokenizer.json").unlink()
        (folder / "tokenizer.json").write_bytes(text)
    damage(folder)
    with pytest.raises(DamagedFile, match="again"):
        ForwardIndex.open(folder)


def about(folder: Path, **changes: object) -> bytes:
    return orjson.dumps(orjson.loads((folder / ABOUT).read_bytes()) | changes)


@pytest.mark.parametrize("language", ["de", "fr", "zh", "bn", "tr"])
def test_terms_are_those_of_the_analyser_in_other_languages(
    language: str, tokenizer_file: Path, tmp_path: Path
) -> None:
    """The term of a plain word is the term of the word as it stands in the text."""
    text = "L'été der Häuser İstanbul'da des maisons 中华人民 running বাংলা l'"
    settings_ = ForwardSettings(language, tokenizer_file)
    build_forward([Passage("1", "1", "", text)], settings_, tmp_path / "forward", lambda done: None)
    forward = ForwardIndex.open(tmp_path / "forward")
    terms = Vocabulary(tmp_path / "forward" / "terms")
    found = [terms[number] for number in forward.terms_of_words[forward.words.of(0)] if number >= 0]
    assert found == analyzer_for(language)(text)
