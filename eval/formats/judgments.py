"""Judgments row by row to relevance by query and passage; repeated rows and odd grades are found here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from tamis.errors import InvalidInput

from .content import Qrels
from .lines import text_lines

WHOLE = re.compile(r"[+-]?[0-9]+(\.0*)?")
INT32 = range(-(2**31), 2**31)

Row = tuple[str, str, str, object]
"""Where it stands (`file:line`), query id, passage id, grade."""


def grade(value: object) -> int | None:
    """Read a grade of relevance: a whole number, also as `2.0`; None when it is none."""
    if isinstance(value, str):
        if not WHOLE.fullmatch(value):
            return None
        number = int(value.partition(".")[0])
    elif isinstance(value, int | float) and value == value // 1:
        number = int(value)
    else:
        return None
    return number if number in INT32 else None


def collect(rows: Iterable[Row], source: str) -> tuple[Qrels, tuple[str, ...]]:
    """Gather judgments, with a warning where rows are repeated.

    Args:
        rows: judgments in any order.
        source: what to call them in messages.

    Raises:
        InvalidInput: a grade is no whole number, a passage is judged twice and differently, or there is no row.
    """
    qrels: Qrels = {}
    repeated = 0
    conflicts: list[str] = []
    for where, query, passage, value in rows:
        score = grade(value)
        if score is None:
            raise InvalidInput(f"{where}: expected query, passage and a whole number, got the grade {value!r}")
        judged = qrels.setdefault(query, {})
        if passage not in judged:
            judged[passage] = score
        elif judged[passage] == score:
            repeated += 1
        else:
            conflicts.append(f"{where}: passage {passage!r} of query {query!r}, {judged[passage]} and {score}")
    if conflicts:
        raise InvalidInput(
            f"{source}: {len(conflicts)} rows judge a passage again and differently, the first at {conflicts[0]}; "
            "keep one judgment of each"
        )
    if not qrels:
        raise InvalidInput(f"{source} holds no judgments")
    return qrels, (f"{source}: {repeated} rows repeat a judgment; each counts once",) if repeated else ()


def tsv_rows(path: Path) -> Iterable[Row]:
    """Yield the rows of BEIR's judgments: query, passage and grade by tabs; a first line of names is left out.

    Raises:
        InvalidInput: a line has other than three columns.
    """
    for number, (where, line) in enumerate(text_lines(path)):
        cells = line.split("\t")
        if len(cells) != 3:
            raise InvalidInput(f"{where}: expected query, passage and a whole number by tabs, got {line[:200]!r}")
        if number or grade(cells[2]) is not None:
            yield where, cells[0], cells[1], cells[2]


def trec_rows(path: Path) -> Iterable[Row]:
    """Yield the rows of TREC's and MS MARCO's judgments: `query 0 passage grade` by tabs or white space.

    Raises:
        InvalidInput: a line has other than four columns.
    """
    for where, line in text_lines(path):
        cells = line.split("\t") if "\t" in line else line.split()
        if len(cells) != 4:
            raise InvalidInput(f"{where}: expected `query 0 passage grade`, got {line[:200]!r}")
        yield where, cells[0], cells[2], cells[3]
