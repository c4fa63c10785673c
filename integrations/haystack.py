"""Haystack: a retriever component, and a ranker component."""

from __future__ import annotations

import copy
import dataclasses
import weakref
from typing import Any

from tamis.errors import InvalidInput
from tamis.rankers.hits import SearchResult

from .extra import missing
from .options import SearchOptions, TextScore
from .provenance import metadata_of
from .searcher import Searcher

try:
    from haystack import Document, component, default_from_dict, default_to_dict
    from haystack.utils import Secret
except ModuleNotFoundError as error:
    raise missing("haystack-ai", "haystack") from error


class _Opened:
    """A searcher, or where one is opened when the pipeline warms up; the latter can be serialised."""

    def __init__(self, where: str | Searcher, index: str | None, api_key: Secret | None) -> None:
        self.where = where
        self.index = index
        self.api_key = api_key
        self._searcher = where if isinstance(where, Searcher) else None

    def get(self) -> Searcher:
        if self._searcher is None:
            import tamis

            key = self.api_key.resolve_value() if self.api_key else None
            self._searcher = tamis.open(str(self.where), index=self.index, api_key=key)
            # Components have no end of their own: what one opened goes with it.
            weakref.finalize(self, self._searcher.close)
        return self._searcher

    def to_dict(self) -> dict[str, Any]:
        if isinstance(self.where, Searcher):
            raise InvalidInput("an open searcher cannot be serialised: give the component the index' path or URL")
        return {"where": self.where, "index": self.index, "api_key": self.api_key.to_dict() if self.api_key else None}


@component
class TamisRetriever:
    """Retrieves passages as documents: `TamisRetriever("pydocs")`, or with the URL of a service."""

    def __init__(
        self,
        where: str | Searcher,
        top_k: int = 10,
        index: str | None = None,
        api_key: Secret | None = None,
        options: SearchOptions | None = None,
    ) -> None:
        """Ask an index.

        Args:
            where: its folder, the URL of a service, or what `tamis.open` gave.
            top_k: how many documents.
            index: of a service, which one.
            api_key: of a service.
            options: of every search.
        """
        self.top_k = top_k
        self.options: SearchOptions = options or {}
        self._opened = _Opened(where, index, api_key)

    def warm_up(self) -> None:
        """Open the index."""
        self._opened.get()

    @component.output_types(documents=list[Document])
    def run(self, query: str, top_k: int | None = None) -> dict[str, list[Document]]:
        """Retrieve the best passages for a query."""
        return _documents(self._opened.get().search(query, self.top_k if top_k is None else top_k, **self.options))

    @component.output_types(documents=list[Document])
    async def run_async(self, query: str, top_k: int | None = None) -> dict[str, list[Document]]:
        """Do as `run` without blocking the event loop."""
        found = await self._opened.get().asearch(query, self.top_k if top_k is None else top_k, **self.options)
        return _documents(found)

    def to_dict(self) -> dict[str, Any]:
        """Describe the component, for Haystack's pipelines in YAML."""
        return default_to_dict(self, **self._opened.to_dict(), top_k=self.top_k, options=dict(self.options))

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> TamisRetriever:
        """Make the component that `to_dict` described."""
        retriever: TamisRetriever = default_from_dict(cls, _with_secret(data))
        return retriever


@component
class TamisRanker:
    """Orders documents by the second stage's model; they are copied, and get its score."""

    def __init__(
        self,
        where: str | Searcher,
        top_k: int | None = None,
        index: str | None = None,
        api_key: Secret | None = None,
        model: str | None = None,
    ) -> None:
        """Ask an index' model.

        Args:
            where: the index' folder, the URL of a service, or what `tamis.open` gave.
            top_k: how many documents are kept; None: all.
            index: of a service, which one.
            api_key: of a service.
            model: which model, where several rerank.
        """
        self.top_k = top_k
        self.model = model
        self._opened = _Opened(where, index, api_key)

    def warm_up(self) -> None:
        """Open the index."""
        self._opened.get()

    @component.output_types(documents=list[Document])
    def run(self, query: str, documents: list[Document], top_k: int | None = None) -> dict[str, list[Document]]:
        """Return copies of the best documents, best first."""
        scores = self._opened.get().rerank(query, _texts(documents), self.model)
        return _ranked(documents, scores[: self.top_k if top_k is None else top_k])

    @component.output_types(documents=list[Document])
    async def run_async(
        self, query: str, documents: list[Document], top_k: int | None = None
    ) -> dict[str, list[Document]]:
        """Do as `run` without blocking the event loop."""
        scores = await self._opened.get().arerank(query, _texts(documents), self.model)
        return _ranked(documents, scores[: self.top_k if top_k is None else top_k])

    def to_dict(self) -> dict[str, Any]:
        """Describe the component, for Haystack's pipelines in YAML."""
        return default_to_dict(self, **self._opened.to_dict(), top_k=self.top_k, model=self.model)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> TamisRanker:
        """Make the component that `to_dict` described."""
        ranker: TamisRanker = default_from_dict(cls, _with_secret(data))
        return ranker


def _with_secret(data: dict[str, Any]) -> dict[str, Any]:
    data = copy.deepcopy(data)
    parameters = data.get("init_parameters", {})
    if isinstance(parameters.get("api_key"), dict):
        parameters["api_key"] = Secret.from_dict(parameters["api_key"])
    return data


def _texts(documents: list[Document]) -> list[str]:
    for place, document in enumerate(documents):
        if document.content is None:
            raise InvalidInput(f"documents[{place}] ({document.id[:40]!r}) has no text to score")
    return [document.content or "" for document in documents]


def _ranked(documents: list[Document], scores: list[TextScore]) -> dict[str, list[Document]]:
    return {
        "documents": [
            dataclasses.replace(documents[one.index], score=one.score, meta=copy.deepcopy(documents[one.index].meta))
            for one in scores
        ]
    }


def _documents(result: SearchResult) -> dict[str, list[Document]]:
    found = [Document(id=hit.id, content=hit.text, meta=metadata_of(hit), score=hit.score) for hit in result.hits]
    return {"documents": found}
