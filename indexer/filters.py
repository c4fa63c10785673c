"""Filters: which passages a query is about, by their typed metadata columns."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from typing import Annotated, Literal, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr, TypeAdapter, model_validator

from tamis.errors import InvalidInput

from .passages import PassageStore

MOST_CONDITIONS = 64
"""Conditions in one filter, and how deep they may be nested."""

MOST_VALUES = 1_000

Mask = npt.NDArray[np.bool_]
"""Whether each passage is allowed: bool[passages]."""

Number = StrictInt | Annotated[float, Field(strict=True, allow_inf_nan=False)]
Value = StrictStr | StrictBool | Number
Bound = StrictStr | Number


class _Node(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Equal(_Node):
    """The field has this value: `{"type": "eq", "field": "lang", "value": "en"}`."""

    type: Literal["eq"]
    field: str = Field(description="a typed metadata column")
    value: Value


class Among(_Node):
    """The field has one of these values: `{"type": "in", "field": "lang", "values": ["en", "fr"]}`."""

    type: Literal["in"]
    field: str = Field(description="a typed metadata column")
    values: tuple[Value, ...] = Field(min_length=1, max_length=MOST_VALUES)


class Range(_Node):
    """The field lies between bounds: `{"type": "range", "field": "year", "gte": 2020, "lt": 2024}`."""

    type: Literal["range"]
    field: str = Field(description="a typed metadata column; texts are ordered by code point")
    gt: Bound | None = None
    gte: Bound | None = None
    lt: Bound | None = None
    lte: Bound | None = None

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if not self.bounds:
            raise ValueError("a range needs one of gt, gte, lt, lte")
        return self

    @property
    def bounds(self) -> dict[str, Bound]:
        """The bounds that were given, by name."""
        named = {name: getattr(self, name) for name in RANGE}
        return {name: value for name, value in named.items() if value is not None}


class And(_Node):
    """All of them hold."""

    type: Literal["and"]
    filters: tuple[Filter, ...] = Field(min_length=1, max_length=MOST_CONDITIONS)


class Or(_Node):
    """One of them holds, or several."""

    type: Literal["or"]
    filters: tuple[Filter, ...] = Field(min_length=1, max_length=MOST_CONDITIONS)


class Not(_Node):
    """It does not hold; also of passages that have no value."""

    type: Literal["not"]
    filter: Filter


Filter = Annotated[Equal | Among | Range | And | Or | Not, Field(discriminator="type")]
"""A condition on the typed metadata columns; a passage that has no value fulfils neither eq, in nor range."""

for _made in (And, Or, Not):
    _made.model_rebuild()
FILTER: TypeAdapter[Filter] = TypeAdapter(Filter)

LEAST, MOST = -(2**63), 2**63 - 1
RANGE = {"gt": pc.greater, "gte": pc.greater_equal, "lt": pc.less, "lte": pc.less_equal}
KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int, float),
    "number": (int, float),
    "boolean": (bool,),
}


def select(asked: Filter, passages: PassageStore, columns: Mapping[str, str]) -> Mask:
    """Say of every passage whether it fulfils a filter.

    Args:
        asked: the filter.
        passages: whose typed columns are looked at.
        columns: their kinds by name, as the configuration of the index has them.

    Raises:
        InvalidInput: there is no such column, a value is of another kind, or the filter is too large.
    """
    if (size := _size(asked)) > MOST_CONDITIONS:
        raise InvalidInput(f"the filter has {size} conditions, at most {MOST_CONDITIONS} are allowed")
    return _Selection(passages, columns).of(asked)


class _Selection:
    """Evaluates conditions over the columns of one index."""

    def __init__(self, passages: PassageStore, columns: Mapping[str, str]) -> None:
        self._passages = passages
        self._columns = columns

    def of(self, asked: Filter) -> Mask:
        match asked:
            case And():
                found: Mask = np.logical_and.reduce([self.of(one) for one in asked.filters])
                return found
            case Or():
                found = np.logical_or.reduce([self.of(one) for one in asked.filters])
                return found
            case Not():
                return ~self.of(asked.filter)
            case Equal():
                return self._among(asked.field, (asked.value,))
            case Among():
                return self._among(asked.field, asked.values)
            case Range():
                return self._between(asked)

    def _among(self, field: str, values: tuple[Value, ...]) -> Mask:
        kind = self._kind(field, values)
        column = self._passages.column(field)
        if kind == "integer":  # 2.5 equals no whole number
            values = tuple(int(value) for value in values if value == int(value))
        if kind == "number":
            values = tuple(map(_float, values))
        return _bools(pc.is_in(column, value_set=pa.array(_fitting(values, column.type), column.type)))

    def _between(self, asked: Range) -> Mask:
        kind = self._kind(asked.field, tuple(asked.bounds.values()))
        if kind == "boolean":
            raise InvalidInput(f"{asked.field!r} is boolean, which has no range; ask with eq")
        column = self._passages.column(asked.field)
        exact = _whole if kind == "integer" else _plain
        ends = [exact(name, end) for name, end in asked.bounds.items()]
        found: Mask = np.logical_and.reduce([_bools(RANGE[name](column, end)) for name, end in ends])
        return found

    def _kind(self, field: str, values: tuple[Value, ...]) -> str:
        """Check a field and the values that it is compared with; return its kind."""
        kind = self._columns.get(field)
        if kind is None:
            near = difflib.get_close_matches(field[:64], self._columns, n=1, cutoff=0.5)
            known = f"the columns are {', '.join(self._columns)}" if self._columns else "this index has none"
            hint = f"did you mean {near[0]!r}?" if near else known
            raise InvalidInput(f"{field[:64]!r} is no typed metadata column; {hint}")
        for value in values:
            if not isinstance(value, KINDS[kind]) or (isinstance(value, bool) and kind != "boolean"):
                raise InvalidInput(f"{field!r} is of kind {kind}, got {str(value)[:64]!r} ({_name(value)})")
        return kind


def _bools(found: pa.ChunkedArray) -> Mask:
    """Turn Arrow's answer into an array; what has no value fulfils nothing."""
    mask: Mask = pc.fill_null(found, False).to_numpy().astype(np.bool_, copy=False)
    return mask


def _fitting(values: tuple[Value, ...], kind: pa.DataType) -> list[Value]:
    """Leave out whole numbers beyond 64 bits, which no passage can have."""
    return [value for value in values if kind != pa.int64() or LEAST <= int(value) <= MOST]


def _plain(name: str, end: Bound) -> tuple[str, pa.Scalar]:
    return name, pa.scalar(end if isinstance(end, str) else _float(end))


def _whole(name: str, end: Bound) -> tuple[str, pa.Scalar]:
    """Say a bound of whole numbers in whole numbers of 64 bits: Arrow would compare large ones as floats."""
    down, up = (int(end), int(end)) if isinstance(end, int) else (math.floor(float(end)), math.ceil(float(end)))
    if name in ("gt", "gte"):
        least = down + 1 if name == "gt" else up
        return ("gte", pa.scalar(max(least, LEAST))) if least <= MOST else ("gt", pa.scalar(MOST))
    most = up - 1 if name == "lt" else down
    return ("lte", pa.scalar(min(most, MOST))) if most >= LEAST else ("lt", pa.scalar(LEAST))


def _float(value: Value) -> float:
    try:
        return float(value)
    except OverflowError:  # a whole number of hundreds of digits
        return math.inf if int(value) > 0 else -math.inf


def _name(value: Value) -> str:
    return {str: "string", bool: "boolean", int: "integer", float: "number"}[type(value)]


def _size(asked: Filter) -> int:
    match asked:
        case And() | Or():
            return 1 + sum(map(_size, asked.filters))
        case Not():
            return 1 + _size(asked.filter)
        case _:
            return 1
