"""The three shapes a stage can have; one method each, batch first, a query alone is a batch of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

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


class Rescorer(Protocol):
    """Scores the candidates anew."""

    def rescore(self, queries: Sequence[Query], candidates: Sequence[Candidates], /) -> list[Candidates]:
        """Return each query's candidates in the canonical order of their new scores."""
        ...
