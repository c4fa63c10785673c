"""The application: routes, errors and middleware around open engines."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI

from tamis.rankers.engine import Engine

from . import errors, health, info, routes
from .access_log import AccessLogMiddleware
from .body_limit import BodyLimitMiddleware
from .config import ServiceConfig
from .indexes import Indexes
from .readiness import Readiness
from .request_id import RequestIdMiddleware
from .state import State
from .unexpected import UnexpectedErrorMiddleware
from .workers import Workers


def create_app(engines: Mapping[str, Engine], config: ServiceConfig, expected: Collection[str] = ()) -> FastAPI:
    """Put HTTP over open engines; whoever opened them closes them, after the app's lifespan has ended.

    Args:
        engines: open engines by registered name.
        config: limits, and how many searches run side by side.
        expected: names that are still being opened; each is served once it is put into `engines`, and 503 until then.

    Raises:
        InvalidInput: a name cannot be registered.
    """
    indexes = Indexes(engines, expected)
    app = FastAPI(
        title="Tamis",
        version=version("tamis"),
        description="Two-stage neural retrieval: what you evaluate is what you serve.",
        lifespan=_lifespan,
        redirect_slashes=False,  # it would redirect to whatever the header Host names
        docs_url=None,  # FastAPI's pages load scripts from a CDN
        redoc_url=None,
    )
    app.state.service = State(indexes, Workers(config.threads), config, Readiness(indexes))
    errors.install(app)
    for router in (routes.router, health.router, info.router):
        app.include_router(router)
    # The last one added is the first that a request meets.
    app.add_middleware(BodyLimitMiddleware, max_bytes=config.max_body_bytes)
    app.add_middleware(UnexpectedErrorMiddleware)
    app.add_middleware(AccessLogMiddleware)
    app.add_middleware(RequestIdMiddleware)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    close_app(app)


def close_app(app: FastAPI) -> None:
    """Let searches that run come to their end, and drop those that wait; engines may be closed afterwards."""
    state: State = app.state.service
    state.workers.close()
    state.readiness.close()
