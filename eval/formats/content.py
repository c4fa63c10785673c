"""What a layout holds for one split, as it was found: judged.py checks it and makes a Judged of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Qrels = dict[str, dict[str, int]]
"""Relevance by query id and passage id."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One question under two instructions, as FollowIR has them."""

    id: str
    original: str
    """Id of the query with the original instruction."""
    changed: str
    """Id of the query with the changed one."""
    passages: tuple[str, ...]
    """Passages whose relevance the change of instruction changed."""


@dataclass(frozen=True, slots=True)
class Content:
    """Queries and judgments of one split."""

    name: str
    split: str
    corpus: str
    """What to index: as `tamis index build` takes it."""
    queries: dict[str, str]
    """Text by query id, of all queries there are, judged or not."""
    qrels: Qrels
    excluded: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Passages by query id that are removed from a ranking before it is scored."""
    pairs: tuple[Pair, ...] = ()
    pools: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Candidates by query id, best first, where the collection is one for rerankers."""
    elsewhere: frozenset[str] = frozenset()
    """Queries that other splits judge, so that nobody wonders why this one does not."""
    warnings: tuple[str, ...] = ()
