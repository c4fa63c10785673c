"""The application: routes, errors and middleware around open engines."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, MutableMapping
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING

from fastapi import FastAPI

from tamis.rankers.engine import Engine

from . import admin, embeddings, errors, health, info, models, page, passages, rerank, routes
from . import metrics as metrics_routes
from .access import AccessMiddleware, allowed_hosts
from .access_log import AccessLogMiddleware
from .body_limit import BodyLimitMiddleware
from .config import ServiceConfig
from .door import Door
from .headers import HeadersMiddleware
from .indexes import Indexes
from .keys import Keys
from .metrics import Metrics, MetricsMiddleware
from .overload import OverloadMiddleware
from .quality import ladder
from .readiness import Readiness
from .reload import Reloader
from .request_id import RequestIdMiddleware
from .source import Source
from .state import State
from .tracing import TracingMiddleware
from .unexpected import UnexpectedErrorMiddleware
from .workers import Workers

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

PARTS = (routes, page, admin, passages, health, info, models, rerank, embeddings, metrics_routes)
"""Searches first: addresses are compared one after the other."""


def create_app(
    engines: MutableMapping[str, Engine],
    config: ServiceConfig,
    expected: Collection[str] = (),
    keys: Keys | None = None,
    sources: Mapping[str, Source] | None = None,
    tracer: Tracer | None = None,
) -> FastAPI:
    """Put HTTP over open engines; whoever opened them closes them, after the app's lifespan has ended.

    Args:
        engines: open engines by registered name.
        config: limits, and how many searches run side by side.
        expected: names that are still being opened; each is served once it is put into `engines`, and 503 until then.
        keys: who may ask; without any, whoever reaches the address may search and nobody may administer.
        sources: where other versions of the indexes come from, by registered name; those without are never reloaded.
        tracer: makes the spans of requests; None: there are none.

    Raises:
        InvalidInput: a name cannot be registered.
        NotFound: there is no such evaluation as the configuration names.
        DamagedFile: it is no ablation.
    """
    keys = keys or Keys()
    indexes = Indexes(engines, expected)
    metrics = Metrics(indexes)
    app = FastAPI(
        title="Tamis",
        version=version("tamis"),
        description="Two-stage neural retrieval: what you evaluate is what you serve.",
        lifespan=_lifespan,
        redirect_slashes=False,  # it would redirect to whatever the header Host names
        docs_url=None,  # FastAPI's pages load scripts from a CDN
        redoc_url=None,
    )
    workers = Workers(config.searching, config.queue, metrics)
    readiness = Readiness(indexes, metrics)
    reloader = Reloader(indexes, workers, readiness, metrics, sources or {})
    app.state.service = State(indexes, workers, config, readiness, keys, metrics, reloader, ladder(config.evaluation))
    errors.install(app)
    for part in PARTS:
        app.include_router(part.router)
    # The last one added is the first that a request meets.
    app.add_middleware(BodyLimitMiddleware, max_bytes=config.max_body_bytes)
    app.add_middleware(OverloadMiddleware, workers=workers)
    hosts = allowed_hosts(config.host, config.allowed_hosts, keys)
    app.add_middleware(AccessMiddleware, keys=keys, hosts=hosts)
    app.add_middleware(UnexpectedErrorMiddleware)
    app.add_middleware(MetricsMiddleware, metrics=metrics)
    app.add_middleware(AccessLogMiddleware)
    if tracer is not None:
        app.add_middleware(TracingMiddleware, tracer=tracer)
    app.add_middleware(RequestIdMiddleware)
    app.add_middleware(HeadersMiddleware)
    # Every request has a span: with tracing, none is answered before it reaches the app.
    app.state.door = Door(workers, metrics, AccessMiddleware(app, keys, hosts)) if tracer is None else None
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    state: State = app.state.service
    await state.reloader.close()
    close_app(app)


def close_app(app: FastAPI) -> None:
    """Let searches that run come to their end, and drop those that wait; engines may be closed afterwards."""
    state: State = app.state.service
    state.workers.close()
    state.readiness.close()
