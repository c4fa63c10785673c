"""Overload: a search that there is no place for is refused before its body is read, which costs a fraction of it."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from .errors import RequestError, envelope
from .workers import PLACE, Workers

SEARCHES = ("/search", "/msearch")
"""How the paths end whose requests all wait for a thread."""


class OverloadMiddleware:
    """Answers 429 while the queue is full; who gets by without a place may still be refused, when it is admitted."""

    def __init__(self, app: ASGIApp, workers: Workers) -> None:
        self.app = app
        self.workers = workers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not scope["path"].endswith(SEARCHES) or PLACE in scope:
            await self.app(scope, receive, send)
            return
        try:
            self.workers.check_room()
        except RequestError as error:
            answer = envelope(scope, error.status, error.code, str(error), headers=error.headers)
            await answer(scope, receive, send)
            return
        await self.app(scope, receive, send)
