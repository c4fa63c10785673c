"""What nobody expected: logged, and answered with a 500 that tells nothing of the inside."""

from __future__ import annotations

import logging

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .errors import envelope

logger = logging.getLogger(__name__)


class UnexpectedErrorMiddleware:
    """Stands between the routes and the server, which would answer in plain text and log the query."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception as error:
            request_id = scope["state"]["request_id"]
            logger.error("unexpected error", exc_info=error, extra={"request_id": request_id})
            if started:
                raise  # too late for another answer: the server cuts the connection
            message = f"the service failed; its log tells more under request id {request_id}"
            await envelope(scope, 500, "internal_error", message)(scope, receive, send)
