"""Tracing: spans of a request and of the steps of its search, for OpenTelemetry; off unless configured."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tamis.errors import MissingPrerequisite
from tamis.rankers.hits import SearchResult

from .access_log import CLIENT_GONE

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, Tracer

SIDE_BY_SIDE = ("sparse", "dense")


def exporting() -> TracerProvider:
    """Make spans go where the standard variables say (OTEL_EXPORTER_OTLP_ENDPOINT and others); `shutdown` ends it.

    Raises:
        MissingPrerequisite: the extra `otel` is not installed.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ModuleNotFoundError:
        raise MissingPrerequisite("service.tracing needs OpenTelemetry: pip install 'tamis[otel]'") from None
    provider = TracerProvider(resource=Resource.create({"service.name": "tamis"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


class TracingMiddleware:
    """Makes a span of each request, a child of the caller's; routes add what was searched by `note`."""

    def __init__(self, app: ASGIApp, tracer: Tracer) -> None:
        self.app = app
        self.tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        from opentelemetry.trace import SpanKind, set_span_in_context
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        caller = TraceContextTextMapPropagator().extract(headers)
        span = self.tracer.start_span(scope["method"], caller, SpanKind.SERVER)
        scope.setdefault("state", {})["trace"] = (self.tracer, set_span_in_context(span, caller))
        status = CLIENT_GONE

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, watched)
        finally:
            _conclude(span, scope, status)


def _conclude(span: Span, scope: Scope, status: int) -> None:
    from opentelemetry.trace import StatusCode

    route = getattr(scope.get("route"), "path", "")
    span.update_name(f"{scope['method']} {route}".strip())
    span.set_attributes({
        "http.request.method": scope["method"], "http.route": route, "http.response.status_code": status,
        "tamis.request_id": scope.get("state", {}).get("request_id", ""),
    })  # fmt: skip
    if status >= 500:
        span.set_status(StatusCode.ERROR)
    span.end()


def note(state: object, index: str, k: int, result: SearchResult) -> None:
    """Add the span of a search that has just ended, and those of its steps; never the query's text.

    Args:
        state: of the request; without tracing nothing is noted.
        index: which was searched.
        k: how many hits were asked for.
        result: what came of it.
    """
    found: tuple[Tracer, Context] | None = getattr(state, "trace", None)
    if found is None:
        return
    from opentelemetry.trace import SpanKind, set_span_in_context

    tracer, around = found
    end = time.time_ns()
    start = end - _ns(result.took_ms)
    attributes: dict[str, str | int] = {
        "gen_ai.operation.name": "retrieval",
        "gen_ai.data_source.id": index,
        "gen_ai.retrieval.top_k": k,
        "tamis.hits": len(result.hits),
        "tamis.degraded": ",".join(one.stage for one in result.degraded),
    }
    span = tracer.start_span(f"retrieval {index}", around, SpanKind.INTERNAL, attributes, start_time=start)
    inside = set_span_in_context(span, around)
    arms = [_ns(ms) for name, ms in result.timings_ms.items() if name in SIDE_BY_SIDE]
    later = start + max(arms, default=0)
    for name, ms in result.timings_ms.items():
        begun = start if name in SIDE_BY_SIDE else later
        tracer.start_span(name, inside, start_time=begun).end(begun + _ns(ms))
        later = later if name in SIDE_BY_SIDE else begun + _ns(ms)
    span.end(end)


def _ns(ms: float) -> int:
    return int(ms * 1e6)
