"""Searcher: the one interface to an index in this process and to a service, for threads and for event loops."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from types import TracebackType
from typing import Self, Unpack

from tamis.errors import InvalidInput
from tamis.indexer.dense import Vectors
from tamis.indexer.passage import Passage
from tamis.models.encoder import TextKind
from tamis.rankers.explanation import Explanation
from tamis.rankers.hits import SearchResult

from .options import SearchOptions, TextScore, check_query, check_texts
from .task import Task


class Searcher(ABC):
    """Asks one index. Safe to use from several threads and coroutines at once; `with` and `async with` close it."""

    def __init__(self) -> None:
        self._process = os.getpid()

    def search(self, query: str, k: int = 10, **options: Unpack[SearchOptions]) -> SearchResult:
        """Return the best `k` passages for a query, with what each stage said of them.

        Raises:
            InvalidInput: query, k or an option cannot be right.
            NotFound: there is no pipeline of that name.
            OutOfTime: a stage in `require` did less than its whole work.
        """
        return self._search([check_query(query)], k, options).run()[0]

    async def asearch(self, query: str, k: int = 10, **options: Unpack[SearchOptions]) -> SearchResult:
        """Do as `search` without blocking the event loop."""
        return (await self._search([check_query(query)], k, options).arun())[0]

    def search_many(self, queries: Sequence[str], k: int = 10, **options: Unpack[SearchOptions]) -> list[SearchResult]:
        """Answer several queries in one batch, each as it would be answered alone."""
        return self._search(self._queries(queries), k, options).run()

    async def asearch_many(
        self, queries: Sequence[str], k: int = 10, **options: Unpack[SearchOptions]
    ) -> list[SearchResult]:
        """Do as `search_many` without blocking the event loop."""
        return await self._search(self._queries(queries), k, options).arun()

    def search_fused(self, queries: Sequence[str], k: int = 10, **options: Unpack[SearchOptions]) -> SearchResult:
        """Answer several queries (rewritings of one question, say) with one ranking, fused by reciprocal ranks."""
        return self._fused(self._queries(queries), k, options).run()

    async def asearch_fused(
        self, queries: Sequence[str], k: int = 10, **options: Unpack[SearchOptions]
    ) -> SearchResult:
        """Do as `search_fused` without blocking the event loop."""
        return await self._fused(self._queries(queries), k, options).arun()

    def rerank(self, query: str, texts: Sequence[str], model: str | None = None) -> list[TextScore]:
        """Score texts of your own with the second stage's model, best first; any number of them.

        Raises:
            InvalidInput: a text is none; several models rerank and `model` names none.
            NotFound: no pipeline has a second stage, or none with that model.
        """
        return self._rerank(check_query(query), check_texts(texts, "texts"), model).run()

    async def arerank(self, query: str, texts: Sequence[str], model: str | None = None) -> list[TextScore]:
        """Do as `rerank` without blocking the event loop."""
        return await self._rerank(check_query(query), check_texts(texts, "texts"), model).arun()

    def embed(self, texts: Sequence[str], kind: TextKind = "passage") -> Vectors:
        """Return the index' own encoder's vectors of texts: float32[texts, dimension].

        Args:
            texts: any number.
            kind: `query` or `passage`, which some encoders read with different prefixes.
        """
        return self._embed(check_texts(texts, "texts"), kind).run()

    async def aembed(self, texts: Sequence[str], kind: TextKind = "passage") -> Vectors:
        """Do as `embed` without blocking the event loop."""
        return await self._embed(check_texts(texts, "texts"), kind).arun()

    def fetch(self, ids: Sequence[str]) -> list[Passage]:
        """Return passages by their ids, in that order.

        Raises:
            NotFound: the index has no passage of one of the ids.
        """
        return [found[0] for found in self._fetch(check_texts(ids, "ids"), 0, 0).run()]

    async def afetch(self, ids: Sequence[str]) -> list[Passage]:
        """Do as `fetch` without blocking the event loop."""
        return [found[0] for found in await self._fetch(check_texts(ids, "ids"), 0, 0).arun()]

    def neighbours(self, id_: str, before: int = 1, after: int = 1) -> list[Passage]:
        """Return a passage with those that stand before and after it in its document."""
        return self._fetch(check_texts([id_], "ids"), before, after).run()[0]

    async def aneighbours(self, id_: str, before: int = 1, after: int = 1) -> list[Passage]:
        """Do as `neighbours` without blocking the event loop."""
        return (await self._fetch(check_texts([id_], "ids"), before, after).arun())[0]

    def explain(self, query: str, id_: str, pipeline: str | None = None) -> Explanation:
        """Say what every stage said of one passage, also where it is far down or was not found.

        Raises:
            NotFound: the index has no such passage, or there is no pipeline of that name.
        """
        return self._explain(check_query(query), id_, pipeline).run()

    async def aexplain(self, query: str, id_: str, pipeline: str | None = None) -> Explanation:
        """Do as `explain` without blocking the event loop."""
        return await self._explain(check_query(query), id_, pipeline).arun()

    @property
    @abstractmethod
    def name(self) -> str:
        """What the index is called."""

    @abstractmethod
    def describe(self) -> dict[str, object]:
        """Tell what the index is: name, version, fingerprint, corpus, documents, passages, pipelines."""

    @abstractmethod
    def close(self) -> None:
        """Let go of files, threads and connections."""

    async def aclose(self) -> None:
        """Do as `close`, from an event loop."""
        self.close()

    @abstractmethod
    def _search(self, queries: list[str], k: int, options: SearchOptions) -> Task[list[SearchResult]]: ...

    @abstractmethod
    def _fused(self, queries: list[str], k: int, options: SearchOptions) -> Task[SearchResult]: ...

    @abstractmethod
    def _rerank(self, query: str, texts: list[str], model: str | None) -> Task[list[TextScore]]: ...

    @abstractmethod
    def _embed(self, texts: list[str], kind: TextKind) -> Task[Vectors]: ...

    @abstractmethod
    def _fetch(self, ids: list[str], before: int, after: int) -> Task[list[list[Passage]]]: ...

    @abstractmethod
    def _explain(self, query: str, id_: str, pipeline: str | None) -> Task[Explanation]: ...

    def _queries(self, queries: Sequence[str]) -> list[str]:
        return [check_query(query) for query in check_texts(queries, "queries")]

    def _check_process(self) -> None:
        """Refuse a forked child, which has the parent's locks and connections and none of its threads."""
        if os.getpid() != self._process:
            raise InvalidInput(
                f"{self.name} was opened in process {self._process}, of which this one is a fork; "
                "call tamis.open after forking, in each process"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
