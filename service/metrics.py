"""Metrics: what Prometheus reads at /metrics. One registry for each service, so that two in a process do not mix."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tamis.rankers.hits import SearchResult

from .access_log import CLIENT_GONE
from .indexes import Indexes

router = APIRouter(include_in_schema=False)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
CANDIDATES = (1, 10, 20, 50, 100, 200, 400, 1_000, 5_000, 20_000)
UNROUTED = "none"
"""The route of requests that were answered before one was found."""
REASONS = frozenset({"out of time", "the GPU ran out of memory"})
"""Reasons of degradation that are labels as they are; the others quote a library and would be endless."""


class Metrics:
    """Everything that is counted."""

    def __init__(self, indexes: Indexes) -> None:
        self.registry = CollectorRegistry()
        self.requests = self._counter("requests", "Requests answered.", "route", "status")
        self.duration = self._histogram("request_duration_seconds", "From first byte to answer.", SECONDS, "route")
        self.stages = self._histogram("stage_duration_seconds", "Time of a step of the pipeline.", SECONDS, "stage")
        self.candidates = self._histogram("stage_candidates", "Candidates that a stage gave.", CANDIDATES, "stage")
        self.degraded = self._counter("degraded", "Stages that did less than they should.", "stage", "reason")
        self.inflight = self._gauge("inflight", "Requests that are being worked on.")
        self.queue_depth = self._gauge("queue_depth", "Requests that wait for a thread.")
        self.queue_wait = self._histogram("queue_wait_seconds", "Time until a thread was free.", SECONDS)
        self.rejected = self._counter("rejected", "Requests refused before any work.", "reason")
        self.cancelled = self._counter("cancelled", "Requests whose client went away.")
        self.truncated = self._counter("truncated_pairs", "Pairs whose passage did not fit the model's window.")
        self.reloads = self._counter("reload", "Switches of an index to another version.", "outcome")
        self.canary = self._gauge("canary_ok", "1 where the last canary query was answered.")
        self.registry.register(_Indexes(indexes))

    def _counter(self, name: str, said: str, *labels: str) -> Counter:
        return Counter(f"tamis_{name}", said, labels, registry=self.registry)

    def _gauge(self, name: str, said: str) -> Gauge:
        return Gauge(f"tamis_{name}", said, registry=self.registry)

    def _histogram(self, name: str, said: str, buckets: Sequence[float], *labels: str) -> Histogram:
        return Histogram(f"tamis_{name}", said, labels, buckets=buckets, registry=self.registry)

    def searched(self, result: SearchResult) -> None:
        """Count what one search did."""
        for name, ms in result.timings_ms.items():
            self.stages.labels(name).observe(ms / 1000)
        for name, count in result.candidates.items():
            self.candidates.labels(name).observe(count)
        for one in result.degraded:
            self.degraded.labels(one.stage, one.reason if one.reason in REASONS else "model error").inc()


class _Indexes(Collector):
    """What is asked of the indexes when somebody reads the metrics."""

    def __init__(self, indexes: Indexes) -> None:
        self._indexes = indexes

    def collect(self) -> Iterable[Metric]:
        """Give identity and size of each open index, and what its rerankers have read."""
        labels = ["name", "version", "fingerprint"]
        info = GaugeMetricFamily("tamis_index_info", "Which version is served.", labels=labels)
        passages = GaugeMetricFamily("tamis_index_passages", "Passages of an index.", labels=["name"])
        tokens = CounterMetricFamily("tamis_rerank_tokens", "Tokens that a reranker read.", labels=["name", "model"])
        for name, engine in self._indexes:
            if engine is None:
                continue
            manifest = engine.index.manifest
            info.add_metric([name, manifest.version, manifest.fingerprint], 1)
            passages.add_metric([name], manifest.passages)
            for model, reader in engine.readers.items():
                tokens.add_metric([name, model], reader.tokens_read)
        return [info, passages, tokens]


class MetricsMiddleware:
    """Counts requests by route and status; the route is its pattern, so that labels stay few."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start, status = time.perf_counter(), CLIENT_GONE

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, watched)
        finally:
            route = getattr(scope.get("route"), "path", UNROUTED)
            self.metrics.requests.labels(route, status).inc()
            self.metrics.duration.labels(route).observe(time.perf_counter() - start)


@router.get("/metrics")
def metrics(request: Request) -> Response:
    """Write all metrics, in Prometheus' text format."""
    found: Metrics = request.app.state.service.metrics
    return Response(generate_latest(found.registry), media_type=CONTENT_TYPE)
