"""Request ids: every answer carries one, the caller's own where it is safe to repeat."""

from __future__ import annotations

import random
import re

from starlette.types import ASGIApp, Message, Receive, Scope, Send

SAFE = re.compile(rb"[A-Za-z0-9._-]{1,128}")


class RequestIdMiddleware:
    """Puts `request_id` into the request's state and the header X-Request-ID into the answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
        request_id = request_id_of(given)
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
            await send(message)

        await self.app(scope, receive, send_with_id)


def request_id_of(given: bytes) -> str:
    """Return the caller's own id where it is safe to repeat, else a new one."""
    if SAFE.fullmatch(given):
        return given.decode()
    # No secret, so not from the system, which takes the interpreter from this thread for each.
    return f"{random.getrandbits(128):032x}"
