"""Access log: one line for each request. It holds neither query strings nor bodies."""

from __future__ import annotations

import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger(__name__)

CLIENT_GONE = 499
"""Status of a request whose client went away before it was answered, as nginx counts it."""


class AccessLogMiddleware:
    """Logs method, path, status, milliseconds and request id."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

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
            log_request(scope["method"], scope["path"], status, start, scope["state"]["request_id"])


def log_request(method: str, path: str, status: int, start: float, request_id: str) -> None:
    """Log one request that came at `start`, in seconds of `time.perf_counter`."""
    fields = {
        "method": method,
        "path": path[:256],
        "status": status,
        "ms": round((time.perf_counter() - start) * 1000, 3),
        "request_id": request_id,
    }
    logger.info("request", extra=fields)
