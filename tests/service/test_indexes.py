"""Names of indexes: registered ones only, and never a path."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.errors import InvalidInput
from tamis.rankers.engine import Engine
from tamis.service.errors import RequestError
from tamis.service.indexes import Indexes, check_name, index_name


@pytest.mark.parametrize(
    ("path", "name"),
    [("/data/pydocs", "pydocs"), ("/data/My Docs (2)", "my-docs-2"), ("x/scifact.v2/", "scifact.v2"), ("/", "index"),
     ("/data/.hidden", "hidden"), ("/data/日本語", "index"), ("/data/" + "a" * 100, "a" * 64), ("/data/Ünï", "n")],
)  # fmt: skip
def test_a_folder_gives_a_name(path: str, name: str) -> None:
    assert index_name(Path(path)) == name


def test_the_folder_that_we_are_in_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Here").mkdir()
    monkeypatch.chdir(tmp_path / "Here")
    assert index_name(Path()) == "here"


@given(st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=80))
def test_every_folder_gives_a_name_that_may_be_registered(name: str) -> None:
    assert check_name(index_name(Path("/data") / name))


@pytest.mark.parametrize("name", ["", "A", "a/b", "../x", "-a", ".a", "a b", "a" * 65, "a\n", "ä"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="cannot name an index"):
        Indexes({}, [name])


def test_an_index_is_found_by_name_or_alone(tiny_engine: Engine) -> None:
    assert Indexes({"a": tiny_engine}).find(None) == ("a", tiny_engine)
    assert Indexes({"a": tiny_engine}, ["a", "b"]).find("a") == ("a", tiny_engine)


@pytest.mark.parametrize(("asked", "status"), [(None, 400), ("c", 404), ("b", 503)])
def test_an_index_that_is_not_there_says_why(tiny_engine: Engine, asked: str | None, status: int) -> None:
    with pytest.raises(RequestError) as caught:
        Indexes({"a": tiny_engine}, ["a", "b"]).find(asked)
    assert caught.value.status == status
