"""Bad requests: a 4xx with the envelope, whatever is sent; never a 5xx."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tamis.service.config import ServiceConfig
from tamis.service.error_schemas import ErrorBody, ErrorEnvelope

JSON = {"content-type": "application/json"}


def refused(response: httpx.Response, status: int, code: str, param: str | None = None) -> ErrorBody:
    """Check an error's status, envelope, code and field, and return it."""
    assert response.status_code == status, response.text
    error = ErrorEnvelope.model_validate(response.json()).error
    assert (error.code, error.param) == (code, param)
    assert error.request_id == response.headers["x-request-id"]
    assert response.headers["content-type"] == "application/json"
    return error


def post(client: httpx.Client, body: bytes | str, path: str = "/v1/search") -> httpx.Response:
    return client.post(path, content=body, headers=JSON)


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ("{", "invalid_json", None),
        ('{"query": "x",}', "invalid_json", None),
        ("nonsense", "invalid_json", None),
        (b'{"query": "\xff"}', "invalid_json", None),
        ("[" * 10_000, "invalid_json", None),
        ('{"a":' * 2_000 + "1" + "}" * 2_000, "invalid_json", None),
        ('{"query":' * 200 + "1" + "}" * 200, "wrong_type", "query"),
        ('{"query": "x", "k": ' + "9" * 5_000 + "}", "invalid_json", None),
        ('{"query": "x", "\\ud800": 1}', "invalid_json", None),
        ("", "missing_field", None),
        ("[]", "wrong_type", None),
        ("null", "wrong_type", None),
        ('"text"', "wrong_type", None),
        ("NaN", "wrong_type", None),
        ("{}", "missing_field", "query"),
        ('{"query": 1}', "wrong_type", "query"),
        ('{"query": null}', "wrong_type", "query"),
        ('{"query": ["x"]}', "wrong_type", "query"),
        ('{"query": NaN}', "wrong_type", "query"),
        ('{"query": "x", "k": "10"}', "wrong_type", "k"),
        ('{"query": "x", "k": true}', "wrong_type", "k"),
        ('{"query": "x", "k": 10.0}', "wrong_type", "k"),
        ('{"query": "x", "k": null}', "wrong_type", "k"),
        ('{"query": "x", "k": Infinity}', "wrong_type", "k"),
        ('{"query": "x", "k": 1e400}', "wrong_type", "k"),
        ('{"query": "x", "k": 0}', "out_of_range", "k"),
        ('{"query": "x", "k": -1}', "out_of_range", "k"),
        ('{"query": "x", "k": 51}', "out_of_range", "k"),
        ('{"query": "x", "k": ' + "9" * 4_000 + "}", "out_of_range", "k"),
        ('{"query": "x", "explain": 1}', "wrong_type", "explain"),
        ('{"query": "x", "return_text": "yes"}', "wrong_type", "return_text"),
        ('{"query": "x", "index": 7}', "wrong_type", "index"),
        ('{"query": ""}', "empty_query", "query"),
        ('{"query": " \\n\\t\\u3000"}', "empty_query", "query"),
        ('{"query": "a\\u0000b"}', "control_character", "query"),
        ('{"query": "a\\u001b[31mb"}', "control_character", "query"),
        ('{"query": "a\\u0085b"}', "control_character", "query"),
        ('{"query": "a\\ud800b"}', "control_character", "query"),
        ('{"query": "' + "x" * 2_001 + '"}', "query_too_long", "query"),
    ],
)
def test_bad_bodies_are_400(client: httpx.Client, body: bytes | str, code: str, param: str | None) -> None:
    """With `"index": "tiny"` first where the body is an object, so that the fault is the one named."""
    text = body if isinstance(body, bytes) else body.encode()
    if text.startswith(b'{"query"') and b'"index"' not in text:
        text = text.replace(b'{"query"', b'{"index": "tiny", "query"', 1)
    refused(post(client, text), 400, code, param)


def test_an_unknown_field_names_the_nearest(client: httpx.Client) -> None:
    error = refused(post(client, '{"query": "x", "retrun_text": true}'), 400, "unknown_field", "retrun_text")
    assert "did you mean 'return_text'?" in error.message
    error = refused(post(client, '{"query": "x", "zzz": true}'), 400, "unknown_field", "zzz")
    known = "query, k, index, pipeline, filter, weights, budget_ms, require, explain, return_text"
    assert f"known fields: {known}" in error.message


def test_messages_name_value_and_limits(client: httpx.Client) -> None:
    error = refused(post(client, '{"index": "tiny", "query": "x", "k": 51}'), 400, "out_of_range", "k")
    assert error.message == "'k' must be from 1 to 50, got 51"
    error = refused(post(client, '{"query": "x", "k": "ten"}'), 400, "wrong_type", "k")
    assert error.message == "'k': input should be a valid integer, got a string"
    error = refused(post(client, '{"query": "x"}'), 400, "missing_field", "index")
    assert "tiny, odd" in error.message


def test_duplicate_keys_are_answered_with_the_last(client: httpx.Client) -> None:
    response = post(client, '{"index": "tiny", "query": "x", "k": 99999, "k": 2}')
    assert response.status_code == 200
    assert len(response.json()["hits"]) == 2


def test_limits_are_inclusive(client: httpx.Client, config: ServiceConfig) -> None:
    body = {"index": "tiny", "query": "x" * config.max_query_chars, "k": config.max_k}
    assert client.post("/v1/search", json=body).status_code == 200


@pytest.mark.parametrize("headers", [{}, {"content-type": "text/plain"}, {"content-type": "application/xml"},
                                     {"content-type": "application/x-www-form-urlencoded"},
                                     {"content-type": "multipart/form-data"}, {"content-type": ";;;"}])  # fmt: skip
def test_other_content_types_are_415(client: httpx.Client, headers: dict[str, str]) -> None:
    response = client.post("/v1/search", content=b'{"query": "x"}', headers=headers)
    assert "Content-Type: application/json" in refused(response, 415, "unsupported_media_type").message


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON", "application/x+json"])
def test_json_content_types_are_taken(client: httpx.Client, content_type: str) -> None:
    content = b'{"index": "tiny", "query": "x"}'
    assert client.post("/v1/search", content=content, headers={"content-type": content_type}).status_code == 200


INDEX_NAMES = ["nope", "../../etc/passwd", "/etc/passwd", "tiny/../odd", "TINY", "", " tiny", "tiny\x00", "..",
               "%2e%2e", "tiny\n", "x" * 10_000, "\ud800", "C:\\index", "file:///etc"]  # fmt: skip


@pytest.mark.parametrize("name", INDEX_NAMES)
def test_an_unknown_index_is_404(client: httpx.Client, name: str) -> None:
    body = b'{"query": "x", "index": "%s"}' % name.encode("unicode-escape").replace(b"\\x", b"\\u00")
    error = refused(post(client, body), 404, "unknown_index", "index")
    assert "tiny, odd" in error.message and len(error.message) < 500


@pytest.mark.parametrize("path", ["/v1/nope/search", "/v1/%2e%2e/search", "/v1/TINY/search", "/v1/tiny%00/search"])
def test_an_unknown_index_in_a_path_is_404(client: httpx.Client, path: str) -> None:
    refused(client.get(path, params={"query": "x"}), 404, "unknown_index", "index")


@pytest.mark.parametrize(
    "path", ["/playground/nope.js", "/playground/..%2fpage.py", "/v2/search", "/v1/search/", "/docs",
             "/redoc", "/v1/..%2f..%2fetc/search", "/v1//etc/search", "/%00", "/v1/tiny", "/v1/tiny/doc"])  # fmt: skip
def test_an_unknown_address_is_404(client: httpx.Client, path: str) -> None:
    refused(client.get(path), 404, "unknown_route")


def test_other_methods_are_405_and_say_which(client: httpx.Client) -> None:
    response = client.get("/v1/search")
    refused(response, 405, "method_not_allowed")
    assert response.headers["allow"] == "POST"
    refused(client.delete("/livez"), 405, "method_not_allowed")


def test_a_declared_large_body_is_413(client: httpx.Client, config: ServiceConfig) -> None:
    error = refused(post(client, b" " * (config.max_body_bytes + 1)), 413, "body_too_large")
    assert "20,000 bytes" in error.message
    assert refused(post(client, b" " * config.max_body_bytes), 400, "invalid_json")
    refused(post(client, b" " * (config.max_body_bytes + 1), "/nowhere"), 413, "body_too_large")


def test_a_chunked_large_body_is_413(client: httpx.Client) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(200):
            yield b" " * 50_000

    refused(client.post("/v1/search", content=chunks(), headers=JSON), 413, "body_too_large")


def test_a_chunked_body_within_the_limit_is_taken(client: httpx.Client) -> None:
    pieces = iter([b'{"index": "tiny", ', b'"query": ', b'"random"}'])
    assert client.post("/v1/search", content=pieces, headers=JSON).status_code == 200


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
FIELDS = st.sampled_from(["query", "k", "index", "explain", "return_text", "filters", "K", ""])
BODIES = JSON_VALUES | st.dictionaries(FIELDS, JSON_VALUES | st.just("tiny"), max_size=6)
OWN_CHECK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def answered(response: httpx.Response) -> None:
    """Check that a response is an answer or a refusal with the envelope, not a failure."""
    assert response.status_code < 500, response.text
    if response.status_code != 200:
        ErrorEnvelope.model_validate(response.json())


@OWN_CHECK
@given(body=BODIES)
def test_any_json_is_answered(client: httpx.Client, body: Any) -> None:
    try:
        content = orjson.dumps(body)
    except TypeError:  # an integer beyond 64 bits, or half a surrogate pair
        return
    answered(post(client, content))


@OWN_CHECK
@given(body=st.binary(max_size=200))
def test_any_bytes_are_answered(client: httpx.Client, body: bytes) -> None:
    answered(post(client, body))


@OWN_CHECK
@given(query=st.text(min_size=1, max_size=300))
def test_any_text_as_query_is_answered(client: httpx.Client, query: str) -> None:
    answered(client.post("/v1/search", json={"index": "tiny", "query": query, "k": 3}))
    answered(client.get("/v1/tiny/search", params={"query": query, "hits": 1}))


@OWN_CHECK
@given(path=st.binary(max_size=40), query=st.binary(max_size=40))
def test_any_address_is_answered(client: httpx.Client, path: bytes, query: bytes) -> None:
    quoted = "".join(f"%{byte:02X}" for byte in path)
    answered(client.get(f"/v1/{quoted}?" + "".join(f"%{byte:02X}" for byte in query)))
    answered(client.get(f"/v1/tiny/doc/{quoted}"))


def talk(url: str, sent: bytes) -> bytes:
    """Send raw bytes and return all that comes back; nothing, where the server hangs up amid what it was sent."""
    host, port = url.removeprefix("http://").split(":")
    received = b""
    with socket.create_connection((host, int(port)), timeout=10) as connection, suppress(ConnectionError):
        connection.sendall(sent)
        while piece := connection.recv(65_536):
            received += piece
    return received


@pytest.mark.parametrize(
    "sent",
    [
        b"NONSENSE\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"POST /v1/search HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST /v1/search HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n",
        b"POST /v1/search HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n",
        b"GET /" + b"a" * 300_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 300_000 + b"\r\n\r\n",
    ],
)  # fmt: skip
def test_what_is_no_http_is_refused(url: str, client: httpx.Client, sent: bytes) -> None:
    answer = talk(url, sent)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 4"), answer[:80]
    assert client.get("/livez").status_code == 200


def test_two_content_lengths_are_refused(url: str) -> None:
    """Request smuggling: servers that disagree about where a body ends."""
    head = b"POST /v1/search HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 20\r\n\r\n{}"
    assert talk(url, head).startswith(b"HTTP/1.1 400")


def test_clients_that_go_away_break_nothing(url: str, client: httpx.Client) -> None:
    """Some leave amid their body, some before the answer."""
    host, port = url.removeprefix("http://").split(":")
    body = b'{"index": "tiny", "query": "random"}'
    head = b"POST /v1/search HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    for turn in range(30):
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(head % len(body) + body[: len(body) if turn % 2 else 10])
    time.sleep(0.2)
    assert post(client, body).status_code == 200
    assert client.get("/readyz").status_code == 200
