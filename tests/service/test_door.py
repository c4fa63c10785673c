"""The door: what is refused before it is parsed gets the answer that the ordinary way would give."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from tamis.rankers.engine import Engine
from tamis.service.access import AccessMiddleware
from tamis.service.app import create_app
from tamis.service.config import ServiceConfig
from tamis.service.door import Arrived, Door
from tamis.service.indexes import Indexes
from tamis.service.keys import Key, Keys, hash_key, new_key
from tamis.service.metrics import Metrics
from tamis.service.workers import Workers

from .conftest import running

BODY = b'{"query": "sort a list"}'
HEADERS = b"Host: 127.0.0.1\r\nContent-Type: application/json\r\n"


def request(head: bytes = b"POST /v1/search HTTP/1.1", more: bytes = b"", body: bytes = BODY) -> bytes:
    return head + b"\r\n" + HEADERS + more + b"Content-Length: %d\r\n\r\n" % len(body) + body


class Full(Workers):
    """Workers whose queue is always full."""

    def is_full(self) -> bool:
        """Say so."""
        return True


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    metrics = Metrics(Indexes({}, ()))
    workers = Full(1, 1, metrics)
    yield Door(workers, metrics, AccessMiddleware(FastAPI(), Keys(), frozenset()))
    workers.close()


@pytest.fixture
def full(tiny_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[FastAPI, str]]:
    """A service that has no place for a search."""
    app = create_app({"tiny": tiny_engine}, ServiceConfig())
    with running(app) as url:
        monkeypatch.setattr(app.state.service.workers, "is_full", lambda: True)
        yield app, url


def ask(url: str, *requests: bytes) -> list[tuple[bytes, dict[bytes, bytes], bytes]]:
    """Send requests on one connection, one after the other, and read each answer: status line, headers, body."""
    found = []
    with closing(socket.create_connection(("127.0.0.1", urlsplit(url).port or 0), timeout=20)) as client:
        for one in requests:
            client.sendall(one)
            received = b""
            while b"\r\n\r\n" not in received:
                received += client.recv(65_536)
            head, _, body = received.partition(b"\r\n\r\n")
            status, *lines = head.split(b"\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
            while len(body) < int(headers[b"content-length"]):
                body += client.recv(65_536)
            found.append((status, headers, body))
    return found


def test_the_answer_is_that_of_the_ordinary_way(full: tuple[FastAPI, str]) -> None:
    """A header `Expect` keeps a request from being answered at the door."""
    app, url = full
    own = b"X-Request-ID: mine-1\r\n"
    (at_door,) = ask(url, request(more=own))
    (ordinary,) = ask(url, request(more=own + b"Expect: nothing\r\n"))
    assert at_door[0].startswith(b"HTTP/1.1 429") and ordinary[0].startswith(b"HTTP/1.1 429")
    assert at_door[1].keys() == ordinary[1].keys()
    assert {**at_door[1], b"date": b""} == {**ordinary[1], b"date": b""}
    assert at_door[2] == ordinary[2]
    assert app.state.service.metrics.registry.get_sample_value("tamis_rejected_total", {"reason": "queue_full"}) == 2
    counted = {"route": "none", "status": "429"}
    deadline = time.monotonic() + 5  # the ordinary way counts a moment after its answer was sent
    while app.state.service.metrics.registry.get_sample_value("tamis_requests_total", counted) != 2:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_connection_goes_on_after_a_refusal(full: tuple[FastAPI, str], monkeypatch: pytest.MonkeyPatch) -> None:
    _, url = full
    health = b"GET /healthz HTTP/1.1\r\n" + HEADERS + b"\r\n"
    statuses = [answer[0].split()[1] for answer in ask(url, request(), health, request(), request(), health)]
    assert statuses == [b"429", b"200", b"429", b"429", b"200"]
    monkeypatch.undo()
    assert [answer[0].split()[1] for answer in ask(url, request(), health, request())] == [b"200", b"200", b"200"]


def test_who_may_not_ask_is_told_so_first(full: tuple[FastAPI, str]) -> None:
    _, url = full
    (found,) = ask(url, request().replace(b"Host: 127.0.0.1", b"Host: rebound.example"))
    assert found[0].split()[1] == b"421"


def test_with_keys_only_their_bearers_are_told_that_there_is_no_place(
    tiny_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = new_key()
    keys = Keys((Key("client", ("search",), hash_key(secret)),))
    app = create_app({"tiny": tiny_engine}, ServiceConfig(), keys=keys)
    with running(app) as url:
        monkeypatch.setattr(app.state.service.workers, "is_full", lambda: True)
        bearer = b"Authorization: Bearer " + secret.encode() + b"\r\n"
        statuses = [answer[0].split()[1] for answer in ask(url, request(), request(more=bearer))]
    assert statuses == [b"401", b"429"]


def test_only_a_search_is_refused(full: tuple[FastAPI, str]) -> None:
    _, url = full
    got = b"GET /v1/search?q=sort HTTP/1.1"
    (found,) = ask(url, request(got, body=b""))
    assert found[0].split()[1] == b"429"
    for head in (b"GET /v1/info HTTP/1.1", b"GET /v1/searches HTTP/1.1", b"DELETE /v1/search HTTP/1.1"):
        (found,) = ask(url, request(head, body=b""))
        assert found[0].split()[1] in {b"200", b"404", b"405", b"429"}
        assert (found[0].split()[1] == b"429") == (b"DELETE" in head)


@pytest.mark.parametrize(
    "data",
    [
        request()[:-1],  # the body's last byte is yet to come
        request() + b"G",  # another request begins
        request()[:40],
        request(more=b"Transfer-Encoding: chunked\r\n"),
        request(more=b"Connection: close\r\n"),
        request(more=b"Content-Length: 3\r\n"),  # two lengths
        request(more=b"Content-Length : 3\r\n"),  # a blank before the colon
        request(more=b"X: a\r\n b\r\n"),  # a folded header
        request(more=b"X: \xff\r\n"),
        request(b"POST /v1/search HTTP/1.0"),
        request(b"POST http://other/v1/search HTTP/1.1"),
        request().replace(b"Host", b"Hast"),
        request().replace(b"Content-Length: ", b"Content-Length: +"),
        request().replace(b"Content-Length: ", b"Content-Length: " + b"0" * 5_000),
        request(body=b"x" * 20_000),
    ],
)
def test_what_is_not_surely_one_whole_request_takes_the_ordinary_way(door: Door, data: bytes) -> None:
    assert isinstance(door.receive(request()), bytes)
    assert door.receive(data) is None


def test_what_arrives_at_once_gets_as_many_places_as_there_are() -> None:
    """None of the searches is parsed or admitted meanwhile, so nobody is present yet."""
    metrics = Metrics(Indexes({}, ()))
    workers = Workers(1, 1, metrics)
    door = Door(workers, metrics, AccessMiddleware(FastAPI(), Keys(), frozenset()))
    answers = [door.receive(request()) for _ in range(5)]
    places = [answer.place for answer in answers if isinstance(answer, Arrived)]
    assert [type(answer) for answer in answers] == [Arrived, Arrived, bytes, bytes, bytes]
    assert workers.is_full()
    assert [places[0].give_back(), places[0].give_back()] == [True, False]
    assert isinstance(door.receive(request()), Arrived) and isinstance(door.receive(request()), bytes)
    workers.close()


@pytest.fixture
def narrow(tiny_engine: Engine) -> Iterator[tuple[FastAPI, str]]:
    """A service that has two places for searches."""
    app = create_app({"tiny": tiny_engine}, ServiceConfig(threads=1, queue=1))
    with running(app) as url:
        yield app, url


def test_a_request_that_is_no_search_after_all_gives_its_place_back(narrow: tuple[FastAPI, str]) -> None:
    _, url = narrow
    bad = request(body=b'{"query": 1}')
    statuses = [answer[0].split()[1] for answer in ask(url, *[bad] * 5, request())]
    assert statuses == [b"400"] * 5 + [b"200"]


def test_clients_that_left_give_their_places_back(narrow: tuple[FastAPI, str]) -> None:
    _, url = narrow
    for _ in range(5):
        with closing(socket.create_connection(("127.0.0.1", urlsplit(url).port or 0), timeout=20)) as client:
            client.sendall(request())
    deadline = time.monotonic() + 20
    while (found := ask(url, request())[0])[0].split()[1] == b"429":
        assert time.monotonic() < deadline, found
        time.sleep(0.01)
    assert found[0].split()[1] == b"200"


def test_a_place_is_as_good_as_none(narrow: tuple[FastAPI, str]) -> None:
    """Searches one after the other on many connections are all answered: none keeps its place."""
    _, url = narrow
    for _ in range(10):
        statuses = [answer[0].split()[1] for answer in ask(url, request(), request())]
        assert statuses == [b"200", b"200"]


@given(st.binary(max_size=200), st.integers(0, 150))
def test_no_bytes_break_the_door(door: Door, noise: bytes, place: int) -> None:
    data = request()
    for answer in (door.receive(noise), door.receive(data[:place] + noise + data[place:])):
        if answer is not None:
            assert isinstance(answer, bytes) and answer.startswith(b"HTTP/1.1 429 Too Many Requests\r\n")
