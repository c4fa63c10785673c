"""Health over HTTP: alive means that the event loop turns, ready that every index answers a question."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from .errors import responses
from .info_schemas import Health
from .state import State

router = APIRouter(tags=["health"])
NOT_READY = {503: {"model": Health, "description": "Not ready: `reasons` say why."}} | responses()


async def live() -> Response:
    """Say that the process is alive; it asks no index, so that a busy service is not restarted."""
    return _answer([])


async def ready(request: Request) -> Response:
    """Say whether every index answers: each is asked a real question, at most once a second."""
    return _answer(await State.of(request).readiness.reasons())


for _path in ("/livez", "/v1/health/live"):
    router.add_api_route(_path, live, response_model=Health, responses=responses())
    router.add_api_route(_path, live, methods=["HEAD"], include_in_schema=False)

for _path in ("/readyz", "/healthz", "/health", "/v1/health/ready"):
    router.add_api_route(_path, ready, response_model=Health, responses=NOT_READY)
    router.add_api_route(_path, ready, methods=["HEAD"], include_in_schema=False)


def _answer(reasons: list[str]) -> Response:
    health = Health(status="not ready" if reasons else "ok", reasons=reasons)
    return Response(health.model_dump_json(), 503 if reasons else 200, media_type="application/json")
