"""Access: everything but a short list needs a key, and every answer has the headers that keep browsers honest."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from tamis.errors import InvalidInput, NotFound
from tamis.rankers.engine import Engine
from tamis.service.access import PUBLIC, needed_scope
from tamis.service.app import create_app
from tamis.service.config import ServiceConfig
from tamis.service.error_schemas import ErrorEnvelope
from tamis.service.headers import HEADERS
from tamis.service.keys import Key, Keys, hash_key, load_keys, new_key

from .conftest import running

SEARCH, ADMIN = "a key for searching 1", "a key for everything 2"
KEYS = Keys((Key("ci", ("search",), hash_key(SEARCH)), Key("operator", ("search", "admin"), hash_key(ADMIN))))
REASONABLE = {"/livez", "/readyz", "/healthz", "/health", "/v1/health/live", "/v1/health/ready", "/"}


@pytest.fixture(scope="module")
def app(tiny_engine: Engine) -> FastAPI:
    """A service that asks for keys."""
    return create_app({"tiny": tiny_engine}, ServiceConfig(), keys=KEYS)


@pytest.fixture(scope="module")
def locked(app: FastAPI) -> Iterator[httpx.Client]:
    """A client of it without a key."""
    with running(app) as url, httpx.Client(base_url=url, timeout=30) as client:
        yield client


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_every_route_but_the_public_ones_needs_a_key(locked: httpx.Client, app: FastAPI) -> None:
    """Over all routes that the app really has, so that one that is added is locked from the start."""
    routes = [
        (method, route.path)
        for part in app.routes
        for route in getattr(getattr(part, "original_router", None), "routes", [part])
        for method in getattr(route, "methods", None) or ["GET"]
    ]
    assert len(routes) > 15 and set(PUBLIC) == REASONABLE
    assert {path for _, path in routes if needed_scope(path) is None} == {*REASONABLE, "/playground/{name}"}
    for method, path in [*routes, ("GET", "/nowhere"), ("GET", "/livez/")]:
        filled = re.sub(r"\{[^}]*\}", "main.js", path)
        status = locked.request(method, filled).status_code
        assert (status == 200) if needed_scope(path) is None else (status == 401), (method, path, status)


def test_a_key_opens_what_its_scope_allows(locked: httpx.Client) -> None:
    assert locked.get("/v1/info", headers=bearer(SEARCH)).json()["keys"] is True
    assert locked.get("/v1/info", headers={"X-API-Key": SEARCH}).status_code == 200
    assert locked.get("/v1/info", headers=bearer(ADMIN)).status_code == 200
    response = locked.post("/v1/admin/nothing", headers=bearer(SEARCH))
    error = ErrorEnvelope.model_validate(response.json()).error
    assert (response.status_code, error.code, error.type) == (403, "not_allowed", "permission_error")
    assert locked.post("/v1/admin/nothing", headers=bearer(ADMIN)).status_code == 404


@pytest.mark.parametrize(
    "headers",
    [{}, bearer("wrong"), bearer(SEARCH[:-2]), bearer(SEARCH + "x"), {"Authorization": f"Basic {SEARCH}"},
     {"Authorization": SEARCH}, bearer("é" * 3), {"X-API-Key": ""}],
)  # fmt: skip
def test_another_key_is_401(locked: httpx.Client, headers: dict[str, str]) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    response = locked.get("/v1/info", headers=raw)
    error = ErrorEnvelope.model_validate(response.json()).error
    assert (response.status_code, error.code, error.type) == (401, "no_access", "authentication_error")
    assert response.headers["www-authenticate"] == "Bearer"
    assert locked.get("/v1/info", params={"key": SEARCH}).status_code == 401


def test_a_body_is_not_read_before_the_key_is(locked: httpx.Client) -> None:
    assert locked.post("/v1/search", content=b"x" * 2_000_000).status_code == 401


def test_without_keys_nobody_administers(client: httpx.Client) -> None:
    assert client.post("/v1/admin/reload").status_code == 403
    assert client.get("/v1/info").json()["keys"] is False


@pytest.mark.parametrize("path", ["/", "/v1/info", "/nowhere", "/playground/main.js", "/livez", "/v1/tiny/doc/none"])
def test_every_answer_has_the_headers(client: httpx.Client, path: str) -> None:
    headers = client.get(path).headers
    assert {name: headers[name] for name in HEADERS} == HEADERS
    assert "unsafe" not in HEADERS["content-security-policy"]
    assert headers["cache-control"] == ("no-cache" if path in ("/", "/playground/main.js") else "no-store")
    assert "access-control-allow-origin" not in headers and "server" not in headers


def test_refusals_have_them_too(client: httpx.Client, locked: httpx.Client) -> None:
    large = client.post("/v1/search", content=b"x" * 30_000)
    assert large.status_code == 413 and large.headers["x-frame-options"] == "DENY"
    assert locked.get("/v1/info").headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(("host", "status"), [("localhost:1", 200), ("127.0.0.1", 200), ("[::1]:80", 200),
                                              ("LOCALHOST", 200), ("evil.example", 421), ("localhost.evil", 421),
                                              ("", 421)])  # fmt: skip
def test_a_name_that_others_make_point_here_is_refused(client: httpx.Client, host: str, status: int) -> None:
    response = client.get("/v1/info", headers={"Host": host})
    assert response.status_code == status
    if status == 421:
        assert ErrorEnvelope.model_validate(response.json()).error.code == "unknown_host"


def test_names_can_be_allowed(tiny_engine: Engine) -> None:
    app = create_app({"tiny": tiny_engine}, ServiceConfig(allowed_hosts=("search.example",)))
    with running(app) as url:
        assert httpx.get(f"{url}/livez", headers={"Host": "search.example:8080"}).status_code == 200
        assert httpx.get(f"{url}/livez").status_code == 421


def test_a_request_that_does_not_arrive_is_hung_up_on(tiny_engine: Engine) -> None:
    """Headers without end, a body without end, and nothing at all; while an idle kept connection stays."""
    config = ServiceConfig(receive_seconds=0.4)
    with running(create_app({"tiny": tiny_engine}, config), config) as url:
        host, port = url.removeprefix("http://").split(":")
        head = b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\n"
        for begin in (b"", head, head + b"Content-Type: application/json\r\nContent-Length: 90\r\n\r\n{"):
            with socket.create_connection((host, int(port)), timeout=5) as connection:
                start = time.monotonic()
                connection.sendall(begin)
                assert connection.recv(100) == b""
                assert 0.3 < time.monotonic() - start < 3
        with httpx.Client(base_url=url) as kept:
            kept.get("/livez")
            time.sleep(0.8)
            assert kept.get("/livez").status_code == 200


def test_keys_come_from_a_file_and_the_environment(tmp_path: Path) -> None:
    key, other = new_key(), new_key()
    file, secret = tmp_path / "keys", tmp_path / "secret"
    file.write_text(f"# who\n\nci search {hash_key(key).hex()}  # the pipeline\n")
    secret.write_text(f"{other}\n")
    keys = load_keys(file, {"TAMIS_ADMIN_KEY_FILE": str(secret)})
    found = [keys.find(key), keys.find(other), keys.find("something else entirely")]
    assert [one and (one.name, one.scopes) for one in found] == [
        ("ci", ("search",)), ("TAMIS_ADMIN_KEY", ("search", "admin")), None]  # fmt: skip
    assert not load_keys(None, {}) and not load_keys(None, {"TAMIS_API_KEY": " "})


def test_bad_keys_are_refused_and_never_shown(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    for line, said in (("ci search hunter2", "line 1 is no key"), ("ci", "line 1"), (f"ci root {'0' * 64}", "'root'")):
        file.write_text(line)
        with pytest.raises(InvalidInput, match=said) as caught:
            load_keys(file, {})
        assert "hunter2" not in str(caught.value)
    with pytest.raises(InvalidInput, match="has 7 characters") as caught:
        load_keys(None, {"TAMIS_API_KEY": "hunter2"})
    assert "hunter2" not in str(caught.value)
    with pytest.raises(NotFound, match="tamis keys new"):
        load_keys(tmp_path / "none", {})
    with pytest.raises(NotFound, match="TAMIS_API_KEY_FILE"):
        load_keys(None, {"TAMIS_API_KEY_FILE": str(tmp_path / "none")})


def test_the_command_makes_a_key_that_works(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tamis.cli", "keys", "new", "ci", "--admin"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    (tmp_path / "keys").write_text(done.stdout)
    key = done.stderr.split()[-1]
    found = load_keys(tmp_path / "keys", {}).find(key)
    assert found is not None and found.scopes == ("search", "admin")
    assert key not in done.stdout
