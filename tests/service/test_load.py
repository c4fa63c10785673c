"""Budgets and overload: what a request gets that has no time, finds no place, or is nobody's any more."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import httpx
import numpy as np
import pytest

from tamis.rankers.config import PipelineConfig
from tamis.rankers.engine import Engine
from tamis.rankers.limit import Limit
from tamis.rankers.ranking import Candidates, Query
from tamis.rankers.stages import Rescored, Rescorer
from tamis.service.app import create_app
from tamis.service.config import ServiceConfig
from tamis.service.error_schemas import ErrorEnvelope
from tamis.service.schemas import SearchResponse

from .conftest import running


class Hanging:
    """Stands before a real reranker, and takes as long as it is told to."""

    def __init__(self, rescorer: Rescorer) -> None:
        self._rescorer = rescorer
        self.seconds = 0.0
        self.free = threading.Event()

    def rescore(self, queries: Sequence[Query], candidates: Sequence[Candidates], /) -> Rescored:
        """Wait, then ask the real one."""
        self.free.wait(self.seconds)
        return self._rescorer.rescore(queries, candidates)


class Slow:
    """Scores pairs with the real model, and sleeps before each."""

    def __init__(self, scorer: Any, seconds: float) -> None:
        self._scorer = scorer
        self._seconds = seconds
        self.read = 0
        self.tokens_read = 0

    def score_pairs(self, pairs: Sequence[tuple[str, str]], stop: Any = None, /) -> Any:
        """Score pairs, more slowly."""

        def waiting() -> bool:
            time.sleep(self._seconds)
            self.read += 1
            return bool(stop is not None and stop())

        return self._scorer.score_pairs(pairs, waiting)


@pytest.fixture(scope="module")
def reading(cross_encoder: str) -> PipelineConfig:
    return PipelineConfig(rerank=cross_encoder, rerank_depth=100)


@pytest.fixture(scope="module")
def engine(tiny_engine: Engine, reading: PipelineConfig) -> Engine:
    """The small index, reranked by a tiny model."""
    return Engine(tiny_engine.index, reading)


@pytest.fixture
def hanging(tiny_engine: Engine, reading: PipelineConfig) -> Iterator[tuple[Engine, Hanging]]:
    """The same, with a reranker that can be made to hang."""
    engine = Engine(tiny_engine.index, reading)
    assert engine.pipeline.rerank is not None
    rerank = Hanging(engine.pipeline.rerank)
    engine.pipeline = replace(engine.pipeline, rerank=rerank)
    yield engine, rerank
    rerank.free.set()


def order(result: Any) -> list[str]:
    return [hit.id for hit in result.hits]


def test_enough_time_changes_nothing(engine: Engine) -> None:
    free, limited = engine.search("sort a list", 50), engine.search("sort a list", 50, limit=Limit.within(60))
    assert [(hit.id, hit.score) for hit in free.hits] == [(hit.id, hit.score) for hit in limited.hits]
    assert limited.degraded == [] and limited.candidates["rerank"] == free.candidates["rerank"] > 50


def test_no_time_leaves_the_fused_order(engine: Engine, tiny_engine: Engine) -> None:
    result = engine.search("sort a list", 50, limit=Limit(deadline=0.0))
    assert order(result) == order(tiny_engine.search("sort a list", 50))
    assert [(one.stage, one.reason) for one in result.degraded] == [("rerank", "out of time")]
    assert all(hit.stages["rerank"] is None for hit in result.hits)


def test_some_time_reads_the_best_candidates(engine: Engine, tiny_engine: Engine) -> None:
    """What was read is the head of the fused order, ranked anew; the rest follows in its own."""
    slow = Slow(engine.pipeline.rerank.scorer, 0.01)  # type: ignore[union-attr]
    rerank = replace(engine.pipeline.rerank, scorer=slow)  # type: ignore[type-var]
    other = Engine(engine.index, engine.config)
    other.pipeline = replace(other.pipeline, rerank=rerank)
    queries = [Query("1", "sort a list")]
    first = other.pipeline.retrieve(queries)  # however long that takes on a busy machine
    fused = other.pipeline.fuse(first.found).rankings[0].rows.tolist()
    start = time.perf_counter()
    answer = other.pipeline.finish(queries, first.found, first.seconds, Limit.within(0.4))
    assert time.perf_counter() - start < 0.8
    ranking = answer.rankings[0]
    read = int((~np.isnan(ranking.features["rerank"])).sum())
    assert 1 <= read < 90
    assert answer.degraded[0].stage == "rerank" and "candidates not scored" in answer.degraded[0].action
    assert not np.isnan(ranking.features["rerank"][:read]).any()  # what was read stands above what was not
    head, rest = ranking.rows[:read].tolist(), ranking.rows[read:].tolist()
    assert set(head) <= set(fused[: read + 4])
    assert rest == [row for row in fused if row in set(rest)]


def test_a_reranker_that_hangs_costs_no_more_than_the_budget(hanging: tuple[Engine, Hanging]) -> None:
    """It takes seconds, answers come in time, say so, and are none of them errors."""
    engine, rerank = hanging
    took = []
    with running(create_app({"tiny": engine}, ServiceConfig())) as url, httpx.Client(base_url=url) as client:
        client.post("/v1/search", json={"query": "warm"})
        rerank.seconds = 5
        for _ in range(20):
            start = time.perf_counter()
            response = client.post("/v1/search", json={"query": "sort a list", "budget_ms": 200})
            took.append(time.perf_counter() - start)
            body = SearchResponse.model_validate(response.json())
            assert [one.stage for one in body.degraded] == ["rerank"] and body.hits
        strict = client.post("/v1/search", json={"query": "sort", "budget_ms": 200, "require": ["rerank"]})
        error = ErrorEnvelope.model_validate(strict.json()).error
        assert (strict.status_code, error.code, error.param) == (504, "out_of_time", "require")
        text = client.get("/metrics").text
        assert 'tamis_degraded_total{reason="out of time",stage="rerank"} 21.0' in text
        rerank.free.set()
    assert sorted(took)[10] < 0.3


@pytest.mark.parametrize(("body", "param"), [({"budget_ms": 0}, "budget_ms"), ({"budget_ms": -5}, "budget_ms"),
                                             ({"budget_ms": 1e9}, "budget_ms"), ({"require": ["sparse"]}, "require.0"),
                                             ({"budget_ms": "1"}, "budget_ms")])  # fmt: skip
def test_bad_budgets_are_400(client: httpx.Client, body: dict[str, object], param: str) -> None:
    response = client.post("/v1/search", json={"query": "x", "index": "tiny", **body})
    assert (response.status_code, response.json()["error"]["param"]) == (400, param)


def test_a_full_queue_refuses_at_once(hanging: tuple[Engine, Hanging]) -> None:
    """Two threads and two places: of twelve at once four are answered, eight get 429 within a moment."""
    engine, rerank = hanging
    app = create_app({"tiny": engine}, ServiceConfig(threads=2, queue=2))
    with running(app) as url, ThreadPoolExecutor(12) as pool:
        httpx.post(f"{url}/v1/search", json={"query": "warm"})
        rerank.seconds = 20

        def ask(_: int) -> tuple[int, float, str]:
            start = time.perf_counter()
            response = httpx.post(f"{url}/v1/search", json={"query": "x"}, timeout=60)
            return response.status_code, time.perf_counter() - start, response.headers.get("retry-after", "")

        answers = [pool.submit(ask, number) for number in range(12)]
        deadline = time.monotonic() + 20
        while sum(answer.done() for answer in answers) < 8:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        text = httpx.get(f"{url}/metrics").text
        assert "tamis_queue_depth 2.0" in text and "tamis_inflight 2.0" in text
        assert 'tamis_rejected_total{reason="queue_full"} 8.0' in text
        unread = httpx.post(f"{url}/v1/search", content=b"no JSON")
        assert (unread.status_code, unread.json()["error"]["code"]) == (429, "overloaded")
        assert httpx.get(f"{url}/v1/info").status_code == 200
        rerank.free.set()
        found = [answer.result(30) for answer in answers]
    assert sorted(status for status, _, _ in found) == [200] * 4 + [429] * 8
    assert all(int(after) >= 1 for status, _, after in found if status == 429)


def test_nobody_searches_for_clients_that_went_away(hanging: tuple[Engine, Hanging]) -> None:
    """What waits is dropped, and the thread goes to whoever still listens."""
    engine, rerank = hanging
    app = create_app({"tiny": engine}, ServiceConfig(threads=1, queue=10))
    with running(app) as url:
        httpx.post(f"{url}/v1/search", json={"query": "warm"})
        rerank.seconds = 20
        for _ in range(5):
            with pytest.raises(httpx.ReadTimeout):
                httpx.post(f"{url}/v1/search", json={"query": "x"}, timeout=0.2)
        deadline = time.monotonic() + 10
        while "tamis_cancelled_total 5.0" not in (text := httpx.get(f"{url}/metrics").text):
            assert time.monotonic() < deadline, text
            time.sleep(0.02)
        assert "tamis_queue_depth 0.0" in text
        rerank.free.set()
        assert httpx.post(f"{url}/v1/search", json={"query": "x"}, timeout=10).status_code == 200


def test_metrics_count_what_happened(client: httpx.Client) -> None:
    """Stages, candidates, outcomes by the pattern of the route, and what is served; in a form that parses."""
    from prometheus_client.parser import text_string_to_metric_families

    def value(metric: str, /, **labels: str) -> float:
        families = text_string_to_metric_families(client.get("/metrics").text)
        samples = [sample for family in families for sample in family.samples]
        return sum(s.value for s in samples if s.name == metric and labels.items() <= s.labels.items())

    names = [("tamis_requests_total", {"route": "/v1/search", "status": "200"}),
             ("tamis_requests_total", {"route": "/v1/{index}/search", "status": "404"}),
             ("tamis_requests_total", {"route": "none", "status": "404"}),
             ("tamis_stage_duration_seconds_count", {"stage": "sparse"}),
             ("tamis_stage_candidates_count", {"stage": "fused"}),
             ("tamis_request_duration_seconds_count", {"route": "/v1/search"})]  # fmt: skip
    before = [value(name, **labels) for name, labels in names]
    client.post("/v1/search", json={"query": "random", "index": "tiny"})
    client.get("/v1/nope/search", params={"query": "x"})
    client.get("/no/such/place")
    time.sleep(0.1)
    assert [value(name, **labels) for name, labels in names] == [count + 1 for count in before]
    assert value("tamis_index_passages", name="tiny") > 100 and value("tamis_index_info", name="odd") == 1
