"""Filters over typed columns, against an evaluation in plain Python."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tamis.errors import InvalidInput, NotFound
from tamis.indexer.filters import FILTER, MOST_CONDITIONS, select
from tamis.indexer.passage import Passage
from tamis.indexer.passages import PassageStore, PassageWriter

COLUMNS = {"lang": "string", "year": "integer", "price": "number", "open": "boolean"}
ROWS: list[dict[str, Any]] = [
    {"lang": "en", "year": 2019, "price": 1.5, "open": True},
    {"lang": "fr", "year": 2020, "price": 2.0, "open": False},
    {"lang": "en", "year": 2021, "price": -1.0},
    {"lang": "Ünï", "year": -3},
    {"year": 2**53 + 1, "price": 1e300, "open": True},
    {},
    {"lang": "", "year": 0, "price": 0.0, "open": False},
]


@pytest.fixture(scope="module")
def passages(tmp_path_factory: pytest.TempPathFactory) -> PassageStore:
    path = tmp_path_factory.mktemp("typed") / "passages.arrow"
    with PassageWriter(path, COLUMNS) as writer:
        writer.write(Passage(f"p{n}", f"p{n}", "", "text", metadata) for n, metadata in enumerate(ROWS))
    return PassageStore(path)


def chosen(asked: object, passages: PassageStore) -> list[int]:
    mask = select(FILTER.validate_python(asked), passages, COLUMNS)
    assert mask.shape == (len(ROWS),) and mask.dtype == bool
    return [int(row) for row in mask.nonzero()[0]]


def test_equality_membership_range_and_their_combinations(passages: PassageStore) -> None:
    english = {"type": "eq", "field": "lang", "value": "en"}
    recent = {"type": "range", "field": "year", "gte": 2020, "lt": 2022}
    assert chosen(english, passages) == [0, 2]
    assert chosen(recent, passages) == [1, 2]
    assert chosen({"type": "in", "field": "lang", "values": ["fr", "", "de"]}, passages) == [1, 6]
    assert chosen({"type": "and", "filters": [english, recent]}, passages) == [2]
    assert chosen({"type": "or", "filters": [english, recent]}, passages) == [0, 1, 2]
    assert chosen({"type": "not", "filter": english}, passages) == [1, 3, 4, 5, 6]
    assert chosen({"type": "eq", "field": "open", "value": False}, passages) == [1, 6]
    assert chosen({"type": "range", "field": "lang", "gt": "en"}, passages) == [1, 3]


def test_numbers_are_compared_as_numbers(passages: PassageStore) -> None:
    assert chosen({"type": "eq", "field": "year", "value": 2020.0}, passages) == [1]
    assert chosen({"type": "eq", "field": "year", "value": 2020.5}, passages) == []
    assert chosen({"type": "eq", "field": "price", "value": 2}, passages) == [1]
    assert chosen({"type": "eq", "field": "year", "value": 2**53}, passages) == []
    assert chosen({"type": "eq", "field": "year", "value": 10**400}, passages) == []
    assert chosen({"type": "eq", "field": "price", "value": 10**400}, passages) == []
    assert chosen({"type": "range", "field": "year", "lt": 10**400, "gt": -(10**400)}, passages) == [0, 1, 2, 3, 4, 6]


values = {
    "lang": st.sampled_from(["en", "fr", "Ünï", "", "zz"]),
    "year": st.sampled_from([-3, 0, 2019, 2020, 2021, 2020.5]),
    "price": st.sampled_from([-1.0, 0, 1.5, 2, 1e300]),
    "open": st.booleans(),
}
leaves = st.sampled_from(sorted(COLUMNS)).flatmap(
    lambda name: st.one_of(
        st.fixed_dictionaries({"type": st.just("eq"), "field": st.just(name), "value": values[name]}),
        st.fixed_dictionaries(
            {"type": st.just("in"), "field": st.just(name), "values": st.lists(values[name], min_size=1, max_size=3)}
        ),
        st.dictionaries(st.sampled_from(["gt", "gte", "lt", "lte"]), values[name], min_size=1).map(
            lambda ends: {"type": "range", "field": name, **ends}
        )
        if name != "open"
        else st.nothing(),
    )
)
trees: st.SearchStrategy[dict[str, Any]] = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.fixed_dictionaries(
            {"type": st.sampled_from(["and", "or"]), "filters": st.lists(inner, min_size=1, max_size=3)}
        ),
        st.fixed_dictionaries({"type": st.just("not"), "filter": inner}),
    ),
    max_leaves=6,
)


def holds(asked: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    """Say in plain Python whether a row fulfils a filter."""
    match asked["type"]:
        case "and":
            return all(holds(one, row) for one in asked["filters"])
        case "or":
            return any(holds(one, row) for one in asked["filters"])
        case "not":
            return not holds(asked["filter"], row)
    value = row.get(asked["field"])
    if value is None:
        return False
    if asked["type"] == "range":
        compare = {"gt": value.__gt__, "gte": value.__ge__, "lt": value.__lt__, "lte": value.__le__}
        if not isinstance(value, str):
            value = float(value)
            compare = {"gt": value.__gt__, "gte": value.__ge__, "lt": value.__lt__, "lte": value.__le__}
        return all(
            compare[name](asked[name] if isinstance(value, str) else float(asked[name]))
            for name in compare
            if name in asked
        )
    return bool(value == asked["value"]) if asked["type"] == "eq" else value in asked["values"]


@given(trees)
def test_any_filter_chooses_what_plain_python_chooses(passages: PassageStore, asked: dict[str, Any]) -> None:
    assert chosen(asked, passages) == [number for number, row in enumerate(ROWS) if holds(asked, row)]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"type": "eq", "field": "yaer", "value": 1}, "did you mean 'year'"),
        ({"type": "eq", "field": "year", "value": "2020"}, "'year' is of kind integer, got '2020'"),
        ({"type": "eq", "field": "year", "value": True}, r"\(boolean\)"),
        ({"type": "eq", "field": "open", "value": 1}, "'open' is of kind boolean"),
        ({"type": "in", "field": "lang", "values": ["en", 3]}, r"\(integer\)"),
        ({"type": "range", "field": "open", "gt": "a"}, "'open' is of kind boolean"),
        (
            {"type": "or", "filters": [{"type": "eq", "field": "lang", "value": "en"}] * MOST_CONDITIONS},
            "65 conditions",
        ),
    ],
)
def test_what_does_not_fit_is_refused(passages: PassageStore, asked: object, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        chosen(asked, passages)


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"type": "like", "field": "lang", "value": "e%"},
        {"type": "range", "field": "year"},
        {"type": "and", "filters": []},
        {"type": "eq", "field": "year", "value": float("nan")},
        {"type": "eq", "field": "year", "value": None},
        {"type": "eq", "field": "year", "value": 1, "other": 2},
    ],
)
def test_what_is_no_filter_is_refused(asked: object) -> None:
    with pytest.raises(ValidationError):
        FILTER.validate_python(asked)


def test_a_column_that_is_not_there(passages: PassageStore) -> None:
    with pytest.raises(NotFound, match="there are: lang, open, price, year"):
        passages.column("colour")
