"""State: what every route needs, made once by app.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from fastapi import Request

from .config import ServiceConfig
from .indexes import Indexes
from .info_schemas import Rung
from .keys import Keys
from .metrics import Metrics
from .readiness import Readiness
from .reload import Reloader
from .workers import Workers


@dataclass(frozen=True, slots=True)
class State:
    """Indexes, threads, limits and health of one service."""

    indexes: Indexes
    workers: Workers
    config: ServiceConfig
    readiness: Readiness
    keys: Keys
    metrics: Metrics
    reloader: Reloader
    degradation: list[Rung]
    """The steps down for want of time, and what they cost."""

    @staticmethod
    def of(request: Request) -> State:
        """Return the state of the service that a request came to."""
        return cast(State, request.app.state.service)
