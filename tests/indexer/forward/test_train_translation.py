"""IBM Model 1 against a slow, obvious expectation maximisation, and by hand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.errors import InvalidInput
from tamis.indexer.forward.forward import ForwardIndex
from tamis.indexer.forward.train_translation import TranslationSettings, passage_tokens, train_translations
from tamis.indexer.forward.vocabulary import Vocabulary

MakeForward = Callable[[list[tuple[str, str]]], Path]
Table = dict[tuple[str, str], float]
"""t(target | source) by target and source."""

EMPTY = ""
KEEP_ALL = TranslationSettings(least=0.0)


def quiet(done: int) -> None:
    """Tell nobody."""


def reference(pairs: list[tuple[list[str], list[str]]], iterations: int) -> Table:
    """Brown et al. 1993, model 1, by its equations."""
    t: Table = defaultdict(lambda: 1.0)
    for _ in range(iterations):
        counts: Table = defaultdict(float)
        totals: dict[str, float] = defaultdict(float)
        for targets, sources in pairs:
            for target in targets:
                whole = sum(t[target, source] for source in [*sources, EMPTY])
                for source in [*sources, EMPTY]:
                    counts[target, source] += t[target, source] / whole
                    totals[source] += t[target, source] / whole
        t = defaultdict(float, {pair: count / totals[pair[1]] for pair, count in counts.items()})
    return {pair: chance for pair, chance in t.items() if pair[1] != EMPTY}


def trained(folder: Path, field: str = "unstemmed") -> Table:
    forward = ForwardIndex.open(folder)
    names = Vocabulary(folder / ("terms" if field == "analysed" else "words"))
    table = forward.translations[field]  # type: ignore[index]
    found: Table = {}
    for target in table.targets:
        sources, chances = table.of(int(target))
        found |= {(names[target], names[s]): float(p) for s, p in zip(sources, chances, strict=True)}
    return found


WORDS = st.lists(st.sampled_from(["house", "book", "red", "the", "cat"]), min_size=1, max_size=5)


@settings(max_examples=25, deadline=None)
@given(
    passages=st.lists(WORDS, min_size=1, max_size=4),
    queries=st.lists(st.tuples(WORDS, st.integers(0, 3)), min_size=1, max_size=6),
    iterations=st.integers(1, 6),
)
def test_training_is_expectation_maximisation(
    passages: list[list[str]], queries: list[tuple[list[str], int]], iterations: int, make_forward: MakeForward
) -> None:
    folder = make_forward([("", " ".join(words)) for words in passages])
    pairs = [(words, row % len(passages)) for words, row in queries]
    given_ = [(" ".join(words), row) for words, row in pairs]
    settings_ = TranslationSettings(iterations=iterations, least=0.0)
    fields = train_translations(given_, ForwardIndex.open(folder), folder, quiet, settings_)
    present = {word for words in passages for word in words}
    known = [([word for word in words if word in present], passages[row]) for words, row in pairs]
    wanted = reference(known, iterations)
    if not wanted:
        assert "unstemmed" not in fields
        return
    found = trained(folder)
    assert found.keys() == wanted.keys()
    for pair, chance in wanted.items():
        assert found[pair] == pytest.approx(chance, rel=1e-5, abs=1e-9), pair


def test_the_textbook_example(make_forward: MakeForward) -> None:
    """Of `la maison` and `la fleur`, training learns that maison is house."""
    folder = make_forward([("", "la maison"), ("", "la fleur"), ("", "house flower the")])
    pairs = [("the house", 0), ("the flower", 1)]
    train_translations(pairs, ForwardIndex.open(folder), folder, quiet, TranslationSettings(iterations=20))
    found = trained(folder)
    assert found["house", "maison"] > 0.8
    assert found["flower", "fleur"] > 0.8
    assert found["the", "la"] > 0.8


def test_what_is_kept(make_forward: MakeForward) -> None:
    """Improbable pairs go; of the others those stay that explain most."""
    texts = ["red cat", "red cat", "red cat", "red house", "book cat"]
    folder = make_forward([("", text) for text in texts])
    pairs = [("red", row) for row in range(5)]
    forward = ForwardIndex.open(folder)
    train_translations(pairs, forward, folder, quiet, TranslationSettings(iterations=1, sources=2))
    assert {source for _, source in trained(folder)} == {"red", "cat"}  # 4 of 5 passages each
    train_translations(
        [("red cat", 0), ("red", 1)], forward, make_forward([("", text) for text in texts]), quiet, KEEP_ALL
    )


def test_a_threshold(make_forward: MakeForward) -> None:
    folder = make_forward([("", "red cat"), ("", "book")])
    pairs = [("red red red red cat", 0), ("book", 1)]
    train_translations(pairs, ForwardIndex.open(folder), folder, quiet, TranslationSettings(iterations=1, least=0.5))
    assert trained(folder) == {("red", "red"): pytest.approx(0.8), ("red", "cat"): pytest.approx(0.8),
                               ("book", "book"): pytest.approx(1.0)}  # fmt: skip


def test_titles_and_fields(make_forward: MakeForward) -> None:
    folder = make_forward([("Red cats", "the house runs"), ("", "book")])
    forward = ForwardIndex.open(folder)
    names = Vocabulary(folder / "words")
    assert [names[number] for number in passage_tokens(forward, "title", 0)] == ["red", "cats"]
    assert len(passage_tokens(forward, "title", 1)) == 0
    assert len(passage_tokens(forward, "unstemmed", 0)) == 5
    assert len(passage_tokens(forward, "analysed", 0)) == 4  # without `the`
    done: list[int] = []
    fields = train_translations([("house red", 0), ("book", 1)], forward, folder, done.append)
    assert fields == ["analysed", "unstemmed", "wordpiece", "title"]
    assert done == [1, 2, 3, 4]
    assert {source for _, source in trained(folder, "title")} == {"red", "cats"}
    assert {source for _, source in trained(folder, "analysed")} == {"red", "cat", "hous", "run", "book"}


def test_without_titles_there_is_no_table_of_them(make_forward: MakeForward) -> None:
    folder = make_forward([("", "red cat")])
    assert "title" not in train_translations([("red", 0)], ForwardIndex.open(folder), folder, quiet)
    assert "title" not in ForwardIndex.open(folder).translations


def test_the_same_pairs_give_the_same_bytes_and_many_are_thinned(make_forward: MakeForward) -> None:
    texts = [("", f"red {number} cat") for number in range(50)]
    pairs = [(f"{number} cat", number) for number in range(50)]

    def tables(settings_: TranslationSettings | None) -> list[bytes]:
        folder = make_forward(texts)
        train_translations(pairs, ForwardIndex.open(folder), folder, quiet, settings_)
        return [path.read_bytes() for path in sorted((folder / "translations").rglob("*.npy"))]

    assert tables(None) == tables(None)
    assert len(b"".join(tables(TranslationSettings(pairs=10)))) < len(b"".join(tables(None)))


def test_bad_pairs_are_refused(make_forward: MakeForward) -> None:
    folder = make_forward([("", "red cat")])
    forward = ForwardIndex.open(folder)
    with pytest.raises(InvalidInput, match="no pairs"):
        train_translations([], forward, folder, quiet)
    for row in (1, -1):
        with pytest.raises(InvalidInput, match=f"row {row} is not in this index"):
            train_translations([("red", 0), ("red", row)], forward, folder, quiet)
    assert not (folder / "translations").exists()
