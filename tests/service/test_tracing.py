"""Tracing: spans that belong to the caller's trace, and hold no query."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from tamis.rankers.engine import Engine
from tamis.service.app import create_app
from tamis.service.config import ServiceConfig

from .conftest import running

trace = pytest.importorskip("opentelemetry.sdk.trace", reason="the extra `otel` is not installed")
CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_a_search_is_a_tree_of_spans(tiny_engine: Engine) -> None:
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    kept = InMemorySpanExporter()
    provider = trace.TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    app = create_app({"tiny": tiny_engine}, ServiceConfig(), tracer=provider.get_tracer("tamis"))
    with running(app) as url:
        body = {"query": "a secret question", "k": 3}
        answer = httpx.post(f"{url}/v1/search", json=body, headers={"traceparent": CALLER})
        httpx.post(f"{url}/v1/search", json={"query": ""})
    spans: dict[str, Any] = {
        span.name: span for span in kept.get_finished_spans() if f"{span.context.trace_id:032x}" in CALLER
    }
    request, search = spans["POST /v1/search"], spans["retrieval tiny"]
    assert f"{request.parent.span_id:016x}" in CALLER and search.parent.span_id == request.context.span_id
    assert request.attributes["tamis.request_id"] == answer.json()["request_id"]
    assert request.attributes["http.response.status_code"] == 200
    assert (search.attributes["gen_ai.data_source.id"], search.attributes["gen_ai.retrieval.top_k"]) == ("tiny", 3)
    for step, ms in answer.json()["timings_ms"].items():
        assert spans[step].parent.span_id == search.context.span_id
        assert (spans[step].end_time - spans[step].start_time) / 1e6 == pytest.approx(ms, abs=0.01)
    assert request.start_time <= search.start_time <= search.end_time <= request.end_time
    everything: Sequence[Any] = kept.get_finished_spans()
    assert "secret" not in str([span.to_json() for span in everything])
    assert [span.attributes["http.response.status_code"] for span in everything if span.parent is None] == [400]
