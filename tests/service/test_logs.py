"""Logs: one line of JSON for each request, without queries, and safe to read on a terminal."""

from __future__ import annotations

import io
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import orjson
import pytest

from tamis.service.config import ServiceConfig
from tamis.service.log_writer import WAITING
from tamis.service.logs import configure_logs

Lines = Callable[[], list[dict[str, Any]]]


def requests(lines: Lines, count: int) -> list[dict[str, Any]]:
    """The lines of the last requests; each is written a moment after its answer was sent."""
    deadline = time.monotonic() + 5
    while len(found := [line for line in lines() if line["event"] == "request"]) < count:
        assert time.monotonic() < deadline, found
        time.sleep(0.01)
    return found


def test_one_line_for_each_request(client: httpx.Client, log_lines: Lines) -> None:
    client.post("/v1/search", json={"index": "tiny", "query": "random"}, headers={"X-Request-ID": "first"})
    client.get("/v1/nope/search", params={"query": "random"}, headers={"X-Request-ID": "second"})
    seen = [(x["request_id"], x["method"], x["path"], x["status"]) for x in requests(log_lines, 2)]
    assert seen == [("first", "POST", "/v1/search", 200), ("second", "GET", "/v1/nope/search", 404)]
    for line in log_lines():
        assert set(line) == {"event", "level", "logger", "time", "method", "path", "status", "ms", "request_id"}
        assert line["ms"] > 0 and line["time"].endswith("Z")


def test_queries_are_never_logged(client: httpx.Client, log_lines: Lines) -> None:
    client.post("/v1/search", json={"index": "tiny", "query": "confidential matter"})
    client.post("/v1/search", json={"index": "tiny", "query": "confidential\x00"})
    client.post("/v1/search", json={"confidential": 1})
    client.get("/v1/tiny/search", params={"query": "confidential matter"})
    assert "confidential" not in str(requests(log_lines, 4))


def test_control_characters_are_escaped(client: httpx.Client, log_lines: Lines) -> None:
    """A path with newlines and escape sequences makes one line, all of it printable ASCII."""
    stream = io.StringIO()
    writer = configure_logs(ServiceConfig(), stream)
    client.get("/%0Aforged%1B[31m%C2%9B%E2%80%A8" + "x" * 1_000)
    deadline = time.monotonic() + 5
    while not (text := stream.getvalue()).endswith("\n"):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    writer.close()
    assert text.count("\n") == 1 and text.isascii() and text.strip().isprintable()
    assert "\\nforged\\u001b[31m\\u009b\\u2028" in text
    assert len(text) < 600


def test_messages_of_errors_are_logged_only_when_asked(log_lines: Lines) -> None:
    logger = logging.getLogger("tamis.test")
    for messages in (False, True):
        stream = io.StringIO()
        writer = configure_logs(ServiceConfig(log_error_messages=messages), stream)
        try:
            raise ValueError("the query was: secret")
        except ValueError as error:
            logger.error("unexpected error", exc_info=error)
        writer.close()
        assert '"error": "ValueError"' in stream.getvalue()
        assert "test_messages_of_errors" in stream.getvalue()
        assert ("secret" in stream.getvalue()) is messages


def test_requests_may_go_unlogged(client: httpx.Client, log_lines: Lines) -> None:
    stream = io.StringIO()
    writer = configure_logs(ServiceConfig(log_requests=False), stream)
    client.get("/livez")
    time.sleep(0.05)
    writer.close()
    assert stream.getvalue() == ""


def test_a_log_that_nobody_reads_holds_nobody_up(log_lines: Lines) -> None:
    """Lines beyond those that may wait are lost and counted; all others come out in their order."""
    blocked, logger = _Blocked(), logging.getLogger("tamis.test")
    writer = configure_logs(ServiceConfig(), blocked)
    start = time.monotonic()
    for number in range(WAITING + 501):
        logger.info("line", extra={"number": number})
    assert time.monotonic() - start < 2
    blocked.free.set()
    logger.info("after", extra={"number": -1})
    writer.close()
    lines = [orjson.loads(line) for line in blocked.getvalue().splitlines()]
    numbers = [line["number"] for line in lines if line["event"] == "line"]
    lost = sum(line["lines"] for line in lines if line["event"].startswith("log lines lost"))
    assert numbers == list(range(len(numbers)))
    assert lost in (499, 500, 501)  # one may have been taken out to be written, and "after" may have found no place
    assert len(numbers) + lost + sum(line["event"] == "after" for line in lines) == WAITING + 502


def test_a_line_that_cannot_be_written_costs_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines are written together, and yet each for itself."""
    monkeypatch.setattr(logging, "raiseExceptions", False)  # else the error is printed
    stream = io.StringIO()
    writer = configure_logs(ServiceConfig(), stream)
    logger = logging.getLogger("tamis.test")
    for number in range(3):
        logger.info("line %d", number if number != 1 else "no number")
    writer.flush()
    writer.close()
    assert [orjson.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["line 0", "line 2"]


class _Blocked(io.StringIO):
    """A stream, as a full pipe is one: it takes nothing until it is freed."""

    def __init__(self) -> None:
        super().__init__()
        self.free = threading.Event()

    def write(self, text: str) -> int:
        assert self.free.wait(30)
        return super().write(text)
