from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.indexer.forward.vocabulary import UNKNOWN, Vocabulary, encoded


def written(strings: set[str], folder: Path) -> tuple[list[str], Vocabulary]:
    ordered = sorted(strings, key=encoded)
    Vocabulary.write([encoded(string) for string in ordered], folder)
    return ordered, Vocabulary(folder)


@given(strings=st.sets(st.text(min_size=1, max_size=8), max_size=40), others=st.lists(st.text(max_size=8), max_size=10))
def test_every_string_has_its_place(
    strings: set[str], others: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    ordered, vocabulary = written(strings, tmp_path_factory.mktemp("vocabulary"))
    assert len(vocabulary) == len(ordered)
    for number, string in enumerate(ordered):
        assert vocabulary.find(string) == number
        assert vocabulary[number] == string
    for other in set(others) - strings:
        assert vocabulary.find(other) == UNKNOWN


def test_prefixes_and_neighbours_are_unknown(tmp_path: Path) -> None:
    _, vocabulary = written({"cat", "cats", "é", "日本"}, tmp_path)
    assert [vocabulary.find(string) for string in ("cat", "cats", "é", "日本")] == [0, 1, 2, 3]
    assert {vocabulary.find(string) for string in ("", "ca", "catss", "z", "\U0001f600", "日")} == {UNKNOWN}
    with pytest.raises(IndexError):
        vocabulary[4]
