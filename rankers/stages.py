"""The three shapes a stage can have; one method each, batch first, a query alone is a batch of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol, runtime_checkable

from .hits import Degradation
from .ranking import Candidates, Query


class Retriever(Protocol):
    """Finds candidates in an index."""

    def retrieve(self, queries: Sequence[Query], depth: int, /) -> list[Candidates]:
        """Return the best `depth` candidates of each query, in canonical order."""
        ...


class Fusion(Protocol):
    """Makes one list of what several retrievers found for one query."""

    def __call__(self, found: Mapping[str, Candidates], /) -> Candidates:
        """Return the union in canonical order; each retriever's scores and ranks become features."""
        ...


@dataclass(frozen=True, slots=True)
class Rescored:
    """What a rescorer made of a batch."""

    rankings: list[Candidates]
    """Each query's candidates in the canonical order of their new scores."""
    degraded: list[Degradation] = field(default_factory=list)
    """What was left undone, and what stands in its place."""


class Rescorer(Protocol):
    """Scores the candidates anew."""

    def rescore(self, queries: Sequence[Query], candidates: Sequence[Candidates], /) -> Rescored:
        """Rank each query's candidates; what cannot be scored degrades the answer and never fails it."""
        ...


@runtime_checkable
class Stoppable(Protocol):
    """A rescorer whose work can be ended between two candidates."""

    stoppable: ClassVar[bool]

    def rescore(
        self, queries: Sequence[Query], candidates: Sequence[Candidates], stop: Callable[[], bool] | None = None, /
    ) -> Rescored:
        """Rank each query's candidates; what `stop` leaves undone keeps its order below the others."""
        ...
