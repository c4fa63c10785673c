"""A search that goes past the parser is answered as one that goes through it, in its turn, and ends like it."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import urlsplit

import orjson
import pytest
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from tamis.rankers.engine import Engine
from tamis.service.access import AccessMiddleware
from tamis.service.app import create_app
from tamis.service.config import ServiceConfig
from tamis.service.direct import DirectCycle
from tamis.service.door import Door
from tamis.service.indexes import Indexes
from tamis.service.keys import Keys
from tamis.service.metrics import Metrics
from tamis.service.workers import Workers

from .conftest import running
from .test_door import HEADERS, ask, request

PARSED = b"Expect: nothing\r\n"
"""A header that sends a request through the parser."""


def connect(url: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", urlsplit(url).port or 0), timeout=20)


def everything(client: socket.socket) -> bytes:
    """Read until the server hangs up."""
    received = b""
    while piece := client.recv(65_536):
        received += piece
    return received


def slow_down(engine: Engine, seconds: float, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Make every search of an engine take longer; gives the list that notes what was searched for."""
    searched: list[str] = []
    search = engine.search

    def late(query: str, *args: Any, **more: Any) -> Any:
        searched.append(query)
        time.sleep(seconds)
        return search(query, *args, **more)

    monkeypatch.setattr(engine, "search", late)
    return searched


@pytest.fixture
def served(tiny_engine: Engine) -> Iterator[tuple[FastAPI, str]]:
    app = create_app({"tiny": tiny_engine}, ServiceConfig())
    with running(app) as url:
        yield app, url


@pytest.fixture
def slow(served: tuple[FastAPI, str], tiny_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> tuple[FastAPI, str]:
    """A service whose searches take more than half a second."""
    slow_down(tiny_engine, 0.6, monkeypatch)
    return served


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (b"POST /v1/search HTTP/1.1", b'{"query": "sort a list", "k": 3}'),
        (b"POST /search?a=1&b=%20 HTTP/1.1", b'{"query": "sort a list", "return_text": false}'),
        (b"POST /v1/msearch HTTP/1.1", b'{"queries": ["sort", "list"]}'),
        (b"POST /v1/search HTTP/1.1", b'{"query": ""}'),
        (b"POST /v1/search HTTP/1.1", b'{"query": "a", "index": "none"}'),
        (b"POST /v1/search HTTP/1.1", b"{"),
        (b"POST /v1/search HTTP/1.1", b""),
        (b"GET /v1/search HTTP/1.1", b""),
    ],
)
def test_the_answer_is_that_of_the_parsers_way(
    served: tuple[FastAPI, str], head: bytes, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, url = served
    run, past_the_parser = DirectCycle.run, []

    async def counted(cycle: DirectCycle, app: ASGIApp) -> None:
        past_the_parser.append(cycle)
        await run(cycle, app)

    monkeypatch.setattr(DirectCycle, "run", counted)
    own = b"X-Request-ID: mine-1\r\n"
    (direct,) = ask(url, request(head, own, body))
    (parsed,) = ask(url, request(head, own + PARSED, body))
    assert len(past_the_parser) == 1
    assert direct[0].split()[1] == parsed[0].split()[1]
    timed = (b"date", b"server-timing", b"content-length")
    assert direct[1].keys() == parsed[1].keys()
    assert {k: v for k, v in direct[1].items() if k not in timed} == {
        k: v for k, v in parsed[1].items() if k not in timed
    }
    both = [orjson.loads(answer[2]) for answer in (direct, parsed)]
    for one in both:
        one.pop("took_ms", None), one.pop("timings_ms", None)
    assert both[0] == both[1]


def test_what_comes_before_the_answer_is_answered_after_it(slow: tuple[FastAPI, str]) -> None:
    _, url = slow
    health = b"GET /healthz HTTP/1.1\r\n" + HEADERS + b"\r\n"
    last = b"GET /v1/indexes HTTP/1.1\r\nConnection: close\r\n" + HEADERS + b"\r\n"
    with closing(connect(url)) as client:
        client.sendall(request())
        time.sleep(0.2)  # the search runs by now
        client.sendall(health + request())
        client.sendall(last)
        received = everything(client)
    statuses = [received.count(b"HTTP/1.1 200 OK\r\n"), received.count(b"HTTP/1.1")]
    assert statuses == [4, 4]
    places = [received.index(said) for said in (b'"hits"', b'"status"', b'"indexes"')]
    assert places == sorted(places)
    assert received.rindex(b'"hits"') < places[-1]


def test_a_client_that_leaves_is_noticed(slow: tuple[FastAPI, str]) -> None:
    app, url = slow
    count: Callable[[str], float | None] = app.state.service.metrics.registry.get_sample_value
    with closing(connect(url)) as client:
        client.sendall(request())
        time.sleep(0.1)
    deadline = time.monotonic() + 10
    while count("tamis_cancelled_total") != 1:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert [answer[0].split()[1] for answer in ask(url, request())] == [b"200"]


def test_who_leaves_long_before_the_search_begins_is_never_searched_for(
    tiny_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched = slow_down(tiny_engine, 1.0, monkeypatch)
    app = create_app({"tiny": tiny_engine}, ServiceConfig(threads=1))
    with running(app) as url, closing(connect(url)) as first:
        first.sendall(request(body=b'{"query": "first"}'))
        time.sleep(0.2)
        with closing(connect(url)) as second:
            second.sendall(request(body=b'{"query": "second"}'))
            time.sleep(0.1)
        assert b"200 OK" in first.recv(65_536)
        ask(url, request(body=b'{"query": "third"}'))
    assert searched == ["first", "third"]


@contextmanager
def serving(app: ASGIApp) -> Iterator[str]:
    """Serve any app behind a door."""
    metrics = Metrics(Indexes({}, ()))
    workers = Workers(1, 1, metrics)
    door = Door(workers, metrics, AccessMiddleware(app, Keys(), frozenset()))
    app.state = SimpleNamespace(door=door)  # type: ignore[attr-defined]
    with running(cast(FastAPI, app)) as url:
        yield url
    workers.close()


async def _fails(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        raise RuntimeError("planted")


async def _breaks_off(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})
        await send({"type": "http.response.body", "body": b"part", "more_body": True})
        raise RuntimeError("planted")


async def _splits_its_head(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        header = (b"x-name", b"a\r\nset-cookie: b")
        await send({"type": "http.response.start", "status": 200, "headers": [header, (b"content-length", b"0")]})
        await send({"type": "http.response.body"})


@pytest.mark.parametrize("app", [_fails, _splits_its_head])
def test_an_app_that_fails_before_its_answer_is_answered_for(app: ASGIApp) -> None:
    with serving(app) as url, closing(connect(url)) as client:
        client.sendall(request())
        received = everything(client)
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 500 Internal Server Error\r\n") and b"connection: close" in head
    assert b"set-cookie" not in head
    assert body == b"Internal Server Error"


def test_an_answer_that_breaks_off_ends_the_connection() -> None:
    with serving(_breaks_off) as url, closing(connect(url)) as client:
        client.sendall(request())
        received = everything(client)
    assert received.startswith(b"HTTP/1.1 200 OK\r\n") and received.endswith(b"\r\n\r\npart")


def test_a_server_that_stops_ends_the_search_and_says_that_it_closes(
    tiny_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow_down(tiny_engine, 0.6, monkeypatch)
    client = None
    with running(create_app({"tiny": tiny_engine}, ServiceConfig())) as url:
        client = connect(url)
        client.sendall(request())
        time.sleep(0.2)
    with closing(client):
        received = everything(client)
    assert received.startswith(b"HTTP/1.1 200 OK\r\n") and b"connection: close\r\n" in received
