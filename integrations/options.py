"""What a search may be asked beyond query and k, alike in process and over HTTP; and the checks that need no index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypedDict

from tamis.errors import InvalidInput
from tamis.rankers.passage_order import Grouping


class SearchOptions(TypedDict, total=False):
    """Keyword arguments of every search; what is left out changes nothing."""

    pipeline: str | None
    """Name of a pipeline; else the default one."""
    budget_ms: float | None
    """Milliseconds that the answer may take; stages that find no time are left out, and named in `degraded`."""
    require: Sequence[Literal["blend", "rerank"]]
    """Stages that must do their whole work; where one did less, the answer is `OutOfTime`."""
    filter: Mapping[str, object] | None
    """Condition on typed metadata columns that every hit fulfils: `{"year": {"gte": 2020}}`."""
    weights: Mapping[str, float] | None
    """What the arms weigh in the fusion, where that is not as configured."""
    exclude_ids: Sequence[str]
    """Passages or documents that the asker has already."""
    diversity: float | None
    """From 0 to 1: how much being unlike the hits above counts (maximal marginal relevance)."""
    documents: Grouping | None
    """One hit for each document: in the order of its best passage, or of its best three added up."""


@dataclass(frozen=True, slots=True)
class TextScore:
    """What the second stage's model said of one of the caller's texts."""

    index: int
    """Position among the texts that were given."""
    score: float
    """From 0 to 1."""


def check_texts(texts: Sequence[str], name: str) -> list[str]:
    """Return texts as a list.

    Raises:
        InvalidInput: it is one text, or one of them is none.
    """
    if isinstance(texts, str):
        raise InvalidInput(f"{name} is one string, expected a list of strings: [{texts[:40]!r}]")
    found = list(texts)
    for place, text in enumerate(found):
        if not isinstance(text, str):
            raise InvalidInput(f"{name}[{place}] is {type(text).__name__} {text!r:.80}, expected a string")
    return found


def check_query(query: object) -> str:
    """Return a query.

    Raises:
        InvalidInput: it is empty or no text.
    """
    if not isinstance(query, str) or not query.strip():
        raise InvalidInput(f"the query must be a text that is not empty, got {query!r:.80}")
    return query
