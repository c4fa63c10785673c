"""Remote: an index behind a running service, as a Searcher."""

from __future__ import annotations

import asyncio
import base64
import weakref
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Generic, Self, TypeVar

import numpy as np

from tamis.errors import (
    Denied,
    InvalidInput,
    MissingPrerequisite,
    NotFound,
    OtherVersion,
    OutOfTime,
    Overloaded,
    ServiceError,
    TamisError,
    Unreachable,
)
from tamis.indexer.dense import Vectors
from tamis.indexer.passage import Passage
from tamis.models.encoder import TextKind
from tamis.rankers.explanation import Explanation
from tamis.rankers.hits import SearchResult

from .answers import explanation_of, passage_of, result_of
from .options import SearchOptions, TextScore
from .searcher import Searcher

try:
    import httpx
except ModuleNotFoundError as error:
    raise MissingPrerequisite("asking a service needs httpx; pip install 'tamis[client]'") from error

R = TypeVar("R")

API = "v1"


@dataclass(frozen=True, slots=True)
class _Exchange(Generic[R]):
    """A Task of one or more requests whose answers make one result."""

    remote: Remote
    path: str
    bodies: Sequence[Mapping[str, Any]]
    parse: Callable[[list[Any]], R]

    def run(self) -> R:
        return self.parse([self.remote.ask("POST", self.path, body) for body in self.bodies])

    async def arun(self) -> R:
        return self.parse([await self.remote.aask("POST", self.path, body) for body in self.bodies])


class Remote(Searcher):
    """Asks a service; `tamis.open` makes one of a URL. Large batches are sent in parts that the service takes."""

    def __init__(self, url: str, index: str | None = None, api_key: str | None = None, timeout: float = 30.0) -> None:
        """Ask for an index at a URL.

        Args:
            url: where the service is, such as `http://127.0.0.1:8080`.
            index: name of an index; may be left out where one is served.
            api_key: sent as a bearer token.
            timeout: seconds to wait for an answer.

        Raises:
            Unreachable: nobody answers there.
            OtherVersion: what answers is no Tamis, or speaks another version of the API.
            Denied: the service wants a key, or a better one.
            NotFound: it serves no index of that name.
            InvalidInput: it serves several, and none was named.
        """
        super().__init__()
        self.url = url.rstrip("/")
        self._settings: dict[str, Any] = {
            "base_url": self.url,
            "timeout": httpx.Timeout(timeout, connect=min(timeout, 5.0)),
            "headers": {"Authorization": f"Bearer {api_key}"} if api_key else {},
        }
        self._client = httpx.Client(**self._settings)
        # A connection belongs to the event loop that made it.
        self._clients: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = (
            weakref.WeakKeyDictionary()
        )
        self._entered: weakref.WeakSet[asyncio.AbstractEventLoop] = weakref.WeakSet()
        self._name = index or self.url
        try:
            info = self.ask("GET", "/v1/info")
            if not isinstance(info.get("indexes"), list) or not isinstance(info.get("limits"), dict):
                raise OtherVersion(f"{self.url} does not tell its indexes and limits as API {API} does")
            self._index = _served(info["indexes"], index, self.url)
            self._batch = max(1, int(info["limits"].get("max_batch", 1)))
            self._bytes = int(info["limits"].get("max_body_bytes", 1_000_000)) // 2
        except BaseException:
            self._client.close()
            raise
        self._name = str(self._index["name"])

    @property
    def name(self) -> str:
        """The index' registered name."""
        return self._name

    def describe(self) -> dict[str, object]:
        """Tell what the index is, as the service says now."""
        found = _served(self.ask("GET", "/v1/info")["indexes"], self._name, self.url)
        wanted = ("name", "version", "fingerprint", "corpus", "documents", "passages")
        return {**{key: found.get(key) for key in wanted}, "pipelines": list(found.get("pipelines") or ())}

    def close(self) -> None:
        """Close the connections of threads; those of coroutines are closed by `aclose`."""
        self._client.close()

    async def aclose(self) -> None:
        """Close all connections, those of this event loop among them."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()
        self.close()

    async def __aenter__(self) -> Self:
        self._entered.add(asyncio.get_running_loop())
        return self

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Send one request and return the answer's content."""
        self._check_process()
        try:
            return _content(self._client.request(method, path, json=body), self.url)
        except httpx.TransportError as error:
            raise _unreachable(self.url, error) from error

    async def aask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Do as `ask` without blocking the event loop."""
        self._check_process()
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            # Without `async with` nobody says when the loop ends, so that connections are not kept open for it.
            kept = None if loop in self._entered else 0
            limits = httpx.Limits(max_keepalive_connections=kept)
            client = self._clients[loop] = httpx.AsyncClient(**self._settings, limits=limits)
        try:
            return _content(await client.request(method, path, json=body), self.url)
        except httpx.TransportError as error:
            raise _unreachable(self.url, error) from error

    def _parts(self, texts: Sequence[str]) -> Iterator[list[str]]:
        """Cut a batch into parts that the service takes; a text that is too long for it is a part of its own."""
        part: list[str] = []
        size = 0
        for text in texts:
            needs = 2 * len(text.encode("utf-8", "surrogatepass")) + 4
            if part and (len(part) == self._batch or size + needs > self._bytes):
                yield part
                part, size = [], 0
            part.append(text)
            size += needs
        if part:
            yield part

    def _asked(self, k: int, options: SearchOptions) -> dict[str, Any]:
        given = {key: _plain(value) for key, value in options.items() if value is not None}
        return {"index": self._name, "k": k, **given}

    def _search(self, queries: list[str], k: int, options: SearchOptions) -> _Exchange[list[SearchResult]]:
        asked = self._asked(k, options)
        if len(queries) == 1:
            body = {**asked, "query": queries[0]}
            return _Exchange(self, "/v1/search", [body], lambda answers: [result_of(answers[0], answers[0])])
        bodies = [{**asked, "queries": part} for part in self._parts(queries)]
        return _Exchange(
            self,
            "/v1/msearch",
            bodies,
            lambda answers: [result_of(answer, one) for answer in answers for one in answer["responses"]],
        )

    def _fused(self, queries: list[str], k: int, options: SearchOptions) -> _Exchange[SearchResult]:
        if not queries:
            raise InvalidInput("there is no query to search for")
        body = {**self._asked(k, options), "queries": queries, "fuse": True}
        return _Exchange(self, "/v1/msearch", [body], lambda answers: result_of(answers[0], answers[0]["responses"][0]))

    def _rerank(self, query: str, texts: list[str], model: str | None) -> _Exchange[list[TextScore]]:
        named = {"model": model} if model else {}
        parts = list(self._parts(texts))
        bodies = [{**named, "query": query, "documents": part} for part in parts]
        starts = list(accumulate((len(part) for part in parts), initial=0))

        def parse(answers: list[Any]) -> list[TextScore]:
            found = [
                TextScore(start + result["index"], result["relevance_score"])
                for start, answer in zip(starts, answers, strict=False)
                for result in answer["results"]
            ]
            # Within an answer the order is by the model's own scores, of which the sigmoid may make ties.
            return found if len(answers) == 1 else sorted(found, key=lambda one: (-one.score, one.index))

        return _Exchange(self, "/v1/rerank", bodies, parse)

    def _embed(self, texts: list[str], kind: TextKind) -> _Exchange[Vectors]:
        encoder = self._index["encoder"]
        asked = {"model": encoder["name"], "input_type": kind, "encoding_format": "base64"}
        bodies = [{**asked, "input": part} for part in self._parts(texts)]

        def parse(answers: list[Any]) -> Vectors:
            found = [base64.b64decode(one["embedding"]) for answer in answers for one in answer["data"]]
            vectors: Vectors = np.frombuffer(b"".join(found), "<f4").reshape(len(texts), encoder["dimension"]).copy()
            return vectors

        return _Exchange(self, "/v1/embeddings", bodies, parse)

    def _fetch(self, ids: list[str], before: int, after: int) -> _Exchange[list[list[Passage]]]:
        asked = {"index": self._name, "before": before, "after": after}
        bodies = [{**asked, "ids": part} for part in self._parts(ids)]
        return _Exchange(
            self,
            "/v1/fetch",
            bodies,
            lambda answers: [[passage_of(one) for one in group] for answer in answers for group in answer["passages"]],
        )

    def _explain(self, query: str, id_: str, pipeline: str | None) -> _Exchange[Explanation]:
        body = {"index": self._name, "query": query, "docid": id_, "pipeline": pipeline}
        return _Exchange(self, "/v1/explain", [body], lambda answers: explanation_of(answers[0]))


def _plain(value: object) -> object:
    return list(value) if isinstance(value, Collection) and not isinstance(value, str | Mapping) else value


def _served(indexes: Sequence[Mapping[str, Any]], name: str | None, url: str) -> Mapping[str, Any]:
    known = {str(one["name"]): one for one in indexes}
    names = ", ".join(known) or "none"
    if name is None and len(known) != 1:
        raise InvalidInput(f"{url} serves {names}: pass index=, one of these")
    found = next(iter(known.values())) if name is None else known.get(name)
    if found is None:
        raise NotFound(f"{url} serves no index {name!r}; it serves {names}")
    if not found.get("ready"):
        raise Overloaded(f"index {found['name']!r} at {url} is still being opened; try again soon")
    return found


def _unreachable(url: str, error: httpx.TransportError) -> Unreachable:
    said = str(error) or type(error).__name__
    return Unreachable(f"no answer from {url}: {said}; is it running (`tamis serve INDEX`), and is the URL right?")


def _content(response: httpx.Response, url: str) -> Any:
    """Return what a service answered, or raise what it says went wrong."""
    try:
        content = response.json()
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise OtherVersion(f"what answers at {url} is no Tamis: status {response.status_code}, and no JSON object")
    if response.is_success:
        if content.get("api", API) != API or (response.url.path.endswith("/v1/info") and "api" not in content):
            raise OtherVersion(f"{url} speaks API {content.get('api')!r}, this Tamis {API!r}; upgrade the older one")
        return content
    error = content.get("error")
    if not isinstance(error, dict) or not isinstance(error.get("message"), str):
        raise OtherVersion(f"what answers at {url} is no Tamis of API {API}: status {response.status_code}")
    raise _error(response.status_code, str(error.get("code")), error["message"], url)


def _error(status: int, code: str, message: str, url: str) -> TamisError:
    kinds: dict[int, type[TamisError]] = {400: InvalidInput, 401: Denied, 403: Denied, 404: NotFound,
                                          413: InvalidInput, 429: Overloaded, 503: Overloaded}  # fmt: skip
    if code == "unknown_route":
        return OtherVersion(f"{url} lacks a route of API {API} ({message}); upgrade it")
    kind = OutOfTime if code == "out_of_time" else kinds.get(status, ServiceError)
    return kind(f"{url}: {message}")
