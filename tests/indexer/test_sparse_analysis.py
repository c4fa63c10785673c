"""Text to terms without Java, against hand-made expectations and against Lucene itself."""

# ruff: noqa: RUF001  the ambiguous characters are what is tested

from __future__ import annotations

import gzip
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.indexer.sparse import analysis, jvm
from tamis.indexer.sparse.analysis import analyzer_for, stop_words
from tamis.indexer.sparse.engine import choose_engine
from tamis.indexer.sparse.porter import PorterStemmer
from tamis.indexer.sparse.words import split_bigrams, split_words

needs_lucene = pytest.mark.skipif(choose_engine("auto") != "lucene", reason="the extra `lucene` is not installed")
ENGLISH = analyzer_for("en")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("wi-fi can't rock'n'roll", ["wi", "fi", "can't", "rock'n'roll"]),
        ("3.14 1,000 1;2 1:2 10%", ["3.14", "1,000", "1;2", "1", "2", "10"]),
        ("U.S.A. node.js a:b .NET C++", ["U.S.A", "node.js", "a:b", "NET", "C"]),
        ("x.y,z 1.a a.1", ["x.y", "z", "1", "a", "a", "1"]),
        ("_x_ __ a_b x__", ["_x_", "a_b", "x__"]),
        ("naïve α-β e\u0301a", ["naïve", "α", "β", "e\u0301a"]),
        ("日本 テキスト ひら 한국어", ["日", "本", "テキスト", "ひ", "ら", "한국어"]),
        ("😀 👨\u200d👩 🇩🇪", ["😀", "👨\u200d👩", "🇩🇪"]),
        ("", []),
    ],
)
def test_words_by_hand(text: str, words: list[str]) -> None:
    assert split_words(text) == words
    if text.isascii():  # both patterns agree
        assert split_words(f"{text} é") == [*words, "é"]


def test_long_words_are_cut() -> None:
    assert [len(word) for word in split_words("a" * 600)] == [255, 255, 90]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("中华人民", ["中华", "华人", "人民"]),
        ("中", ["中"]),
        ("iPhone版本x", ["iPhone", "版本", "x"]),
        ("ไทย", ["ไท", "ทย"]),
    ],
)
def test_what_has_no_spaces_becomes_pairs(text: str, words: list[str]) -> None:
    assert split_bigrams(text) == words


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("The dog’s and the cats' running", ["dog", "cat", "run"]),
        ("possibly technologies TREKKING biology", ["possibl", "technolog", "trek", "biologi"]),
        ("İstanbul ΣΑΣ is it's", ["istanbul", "σασ"]),
        ("to be or not", []),
        ("five ★ of ♥ ¸", ["five", "★", "♥"]),
    ],
)
def test_english_terms_by_hand(text: str, terms: list[str]) -> None:
    assert ENGLISH(text) == terms


def test_other_languages_stem_and_stop() -> None:
    assert analyzer_for("de")("Die Häuser und die Katzen") == ["haus", "katz"]
    assert analyzer_for("fr")("L'histoire des chevaux") == ["histoir", "cheval"]
    assert "und" in stop_words("de")
    assert stop_words("te") == frozenset()
    assert analyzer_for("te")("తెలుగు Bhasha") == ["తెలుగు", "bhasha"]


def test_each_language_has_an_analysis() -> None:
    languages = ["ar", "bn", "da", "de", "en", "es", "fi", "fr", "hi", "hu", "id", "it", "ja", "ko", "nl", "no", "pt"]
    for language in [*languages, "ru", "sv", "te", "th", "tr", "zh"]:
        assert analyzer_for(language)("Tamis 42"), language


def test_remembered_words_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analysis, "REMEMBERED", 3)
    analyze = analyzer_for("en")
    text = "cats dogs birds fishes cats"
    assert analyze(text) == ["cat", "dog", "bird", "fish", "cat"]
    assert len(analyze._terms) <= 3


def test_threads_stem_alike() -> None:
    words = [
        f"{stem}{end}" for stem in ("relat", "hopp", "trekk", "technolog") for end in ("ing", "ed", "ies", "ional")
    ]
    stemmer = PorterStemmer()
    expected = [stemmer(word) for word in words]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(stemmer, words * 200)) == expected * 200


@pytest.fixture(scope="module")
def lucene() -> Any:
    """Lucene's own English analysis."""
    jvm.start()
    with jvm.LOCK:
        utilities = jvm.java("io.anserini.analysis.AnalyzerUtils")
        english = jvm.java("io.anserini.analysis.DefaultEnglishAnalyzer").newDefaultInstance()
    return lambda text: [term for term in utilities.analyze(english, text).toString()[1:-1].split(", ") if term]


@needs_lucene
@pytest.mark.data
def test_equal_to_lucene_on_all_of_scifact(data_folder: Path, lucene: Any) -> None:
    for name in ("corpus", "queries"):
        with gzip.open(data_folder / "scifact" / f"{name}.jsonl.gz") as lines:
            for line in lines:
                record = orjson.loads(line)
                text = f"{record.get('title') or ''}\n{record['text']}"
                assert ENGLISH(text) == lucene(text), record["_id"]


HEBREW = "".join(map(chr, range(0x590, 0x600)))
"""Quotes within Hebrew words are a known difference: docs/analysis.md."""

EUROPEAN = st.characters(
    categories=["L", "M", "N", "P", "S", "Zs"], max_codepoint=0x58F, exclude_characters=HEBREW
) | st.sampled_from("’“”–—…•€™‘ﬁ\u200b\u200d\u2009\u00ad😀👍中あア한")


@needs_lucene
@settings(max_examples=300, deadline=None)
@given(text=st.text(EUROPEAN, max_size=40))
def test_equal_to_lucene_on_any_european_text(lucene: Any, text: str) -> None:
    assert ENGLISH(text) == lucene(text)


ENDINGS = """
s es ies ed ing eed y ly bly bli logy logi li ational enci izer entli ousli ization ator alism iveness fulness
iviti biliti icate ative iciti ical ness ance ence er ible ement ment ent ion ism ate ous ive ize e ll ss ying
""".split()  # noqa: SIM905  read more easily than a list of 50 strings


@needs_lucene
@settings(max_examples=500, deadline=None)
@given(
    stem=st.text("bcdfghklmnprstvwxaeiouaeiou", min_size=1, max_size=6),
    endings=st.lists(st.sampled_from(ENDINGS), max_size=2),
)
def test_stems_equal_lucene(lucene: Any, stem: str, endings: list[str]) -> None:
    word = (stem + "".join(endings)).replace("yy", "y")  # a doubled y is a known difference
    assert ENGLISH(word) == lucene(word)
