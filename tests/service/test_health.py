"""Health, information, and what happens when an index fails behind the service."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import httpx
import pytest

from tamis.errors import DamagedFile
from tamis.rankers.engine import Engine
from tamis.rankers.ranking import Candidates, Query
from tamis.rankers.stages import Retriever
from tamis.service.app import create_app
from tamis.service.config import ServiceConfig
from tamis.service.error_schemas import ErrorEnvelope
from tamis.service.indexes import Indexes
from tamis.service.info_schemas import Health, IndexList, Info, Limits
from tamis.service.readiness import Readiness

Start = Callable[[Any], str]
READY = ("/readyz", "/healthz", "/health", "/v1/health/ready")
ALIVE = ("/livez", "/v1/health/live")


class Gate:
    """Stands before a real retriever, and can be made to fail or to wait."""

    def __init__(self, retriever: Retriever) -> None:
        self._retriever = retriever
        self.open = threading.Event()
        self.open.set()
        self.error: Exception | None = None
        self.asked = 0

    def retrieve(self, queries: Sequence[Query], depth: int, /) -> list[Candidates]:
        """Ask the real retriever, when allowed to."""
        self.asked += 1
        self.open.wait(20)
        if self.error is not None:
            raise self.error
        return self._retriever.retrieve(queries, depth)


@pytest.fixture
def gated(tiny_engine: Engine) -> tuple[Engine, Gate]:
    """The small index behind an engine of its own, whose dense arm can be made to fail."""
    engine = Engine(tiny_engine.index, tiny_engine.config)
    gate = Gate(engine.pipeline.retrievers["dense"])
    engine.pipeline = replace(engine.pipeline, retrievers={**engine.pipeline.retrievers, "dense": gate})
    return engine, gate


@pytest.mark.parametrize("path", [*READY, *ALIVE])
def test_a_service_that_works_says_so(client: httpx.Client, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    assert Health.model_validate(response.json()) == Health(status="ok")
    assert client.head(path).status_code == 200


def test_not_ready_until_every_index_is_open(start: Start, tiny_engine: Engine) -> None:
    """Alive from the start; ready, and searchable, once the engine is there."""
    engines: dict[str, Engine] = {}
    with httpx.Client(base_url=start(create_app(engines, ServiceConfig(), expected=["late"]))) as client:
        assert client.get("/livez").status_code == 200
        response = client.get("/readyz")
        assert (response.status_code, response.json()["reasons"]) == (503, ["late: being opened"])
        assert client.get("/v1/indexes").json()["indexes"][0]["ready"] is False
        refused = client.post("/v1/search", json={"query": "random"})
        assert refused.status_code == 503 and refused.headers["retry-after"] == "1"
        assert ErrorEnvelope.model_validate(refused.json()).error.code == "not_ready"
        engines["late"] = tiny_engine
        assert client.post("/v1/search", json={"query": "random"}).status_code == 200
        time.sleep(1.1)
        assert client.get("/readyz").status_code == 200


def test_ready_asks_the_index_and_remembers_a_moment(start: Start, gated: tuple[Engine, Gate]) -> None:
    engine, gate = gated
    with httpx.Client(base_url=start(create_app({"tiny": engine}, ServiceConfig()))) as client:
        assert [client.get("/readyz").status_code for _ in range(10)] == [200] * 10
        assert gate.asked == 1
        gate.error = RuntimeError("the device is lost")
        time.sleep(1.1)
        response = client.get("/readyz")
        assert response.status_code == 503
        assert response.json()["reasons"] == ["tiny: a search failed with RuntimeError"]
        assert client.get("/livez").status_code == 200
        gate.error = None
        time.sleep(1.1)
        assert client.get("/readyz").status_code == 200


def test_a_hanging_index_is_not_ready_and_asked_once(gated: tuple[Engine, Gate]) -> None:
    engine, gate = gated
    gate.open.clear()

    async def probe() -> list[list[str]]:
        readiness = Readiness(Indexes({"tiny": engine}), timeout=0.1)
        stuck = [await readiness.reasons(), *await asyncio.gather(*[readiness.reasons() for _ in range(5)])]
        gate.open.set()
        await asyncio.sleep(0.3)
        stuck.append(await readiness.reasons())
        readiness.close()
        return stuck

    assert asyncio.run(probe()) == [["no answer within 0.1 s"]] * 6 + [[]]
    assert gate.asked == 1


@pytest.mark.parametrize("error", [RuntimeError("secret inside"), DamagedFile("secret file"), MemoryError("secret")])
def test_an_unexpected_error_is_a_500_that_tells_nothing(
    start: Start, gated: tuple[Engine, Gate], log_lines: Callable[[], list[dict[str, Any]]], error: Exception
) -> None:
    """The log tells type, step and place, but neither message nor query."""
    engine, gate = gated
    gate.error = error
    with httpx.Client(base_url=start(create_app({"tiny": engine}, ServiceConfig()))) as client:
        response = client.post("/v1/search", json={"query": "my secret"})
        assert response.status_code == 500
        envelope = ErrorEnvelope.model_validate(response.json()).error
        assert (envelope.type, envelope.code) == ("server_error", "internal_error")
        assert "secret" not in response.text and "Traceback" not in response.text
        assert envelope.request_id == response.headers["x-request-id"]
        gate.error = None
        assert client.post("/v1/search", json={"query": "my secret"}).status_code == 200
    failures = [line for line in log_lines() if line["level"] == "error"]
    assert [line["error"] for line in failures] == [type(error).__name__]
    assert failures[0]["notes"] == ["in the pipeline's step 'dense'"]
    assert failures[0]["frames"][-1].endswith("retrieve")
    assert failures[0]["request_id"] == envelope.request_id
    assert "secret" not in str(log_lines())


def test_a_slow_search_does_not_stop_the_loop(start: Start, gated: tuple[Engine, Gate]) -> None:
    """All search threads hang, and health is answered all the same."""
    engine, gate = gated
    gate.open.clear()
    url = start(create_app({"tiny": engine}, ServiceConfig(threads=2)))
    askers = [
        threading.Thread(target=httpx.post, args=(f"{url}/v1/search",), kwargs={"json": {"query": "x"}, "timeout": 30})
        for _ in range(6)
    ]
    for asker in askers:
        asker.start()
    begin = time.monotonic()
    assert httpx.get(f"{url}/livez").status_code == 200
    assert httpx.get(f"{url}/v1/indexes").status_code == 200
    assert time.monotonic() - begin < 2
    gate.open.set()
    for asker in askers:
        asker.join(20)
    assert httpx.post(f"{url}/v1/search", json={"query": "x"}).status_code == 200


def test_indexes_are_listed(client: httpx.Client, tiny_engine: Engine) -> None:
    body = client.get("/v1/indexes").json()
    IndexList.model_validate(body)
    assert [index["name"] for index in body["indexes"]] == ["tiny", "odd"]
    assert body["indexes"][0]["fingerprint"] == tiny_engine.index.manifest.fingerprint
    assert body["indexes"][0]["passages"] == tiny_engine.index.manifest.passages


def test_info_tells_limits_versions_and_settings(
    client: httpx.Client, tiny_engine: Engine, config: ServiceConfig
) -> None:
    body = client.get("/v1/info").json()
    Info.model_validate(body)
    assert body["limits"] == {name: getattr(config, name) for name in Limits.model_fields}
    assert [rung["stage"] for rung in body["degradation"]] == ["rerank", "rerank", "blend"]
    tiny, manifest = body["indexes"][0], tiny_engine.index.manifest
    assert tiny["config"] == manifest.config.model_dump(mode="json")
    assert tiny["pipeline"] == tiny_engine.config.model_dump(mode="json")
    assert tiny["encoder"]["query_fingerprint"] == manifest.encoder.query_fingerprint
    assert tiny["sparse_engine"] == manifest.sparse_engine
    assert set(body["versions"]) == {"tamis", "fastapi", "uvicorn", "python"}
