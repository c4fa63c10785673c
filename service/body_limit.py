"""Body limit: counts the bytes of a body as they come, so that a chunked one cannot slip through."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .errors import RequestError, envelope


class BodyLimitMiddleware:
    """Answers 413 to a request whose body is too large; at most one chunk more than the limit is held."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self.app = app
        self.max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if _declared(scope) > self.max_bytes:
            await self._refuse(scope, receive, send)
            return
        taken, exceeded, started = 0, False, False

        async def counted() -> Message:
            nonlocal taken, exceeded
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self.max_bytes:
                exceeded = True
                raise RequestError(413, "body_too_large", "the body is too large")
            return message

        async def watched(message: Message) -> None:
            nonlocal started
            if exceeded and not started:
                return  # whatever the app makes of a cut body: the answer is below
            started = True
            await send(message)

        try:
            await self.app(scope, counted, watched)
        except RequestError:
            if not exceeded:
                raise
        if exceeded and not started:
            await self._refuse(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        message = f"the body is larger than {self.max_bytes:,} bytes, which is what this service takes; send less"
        await envelope(scope, 413, "body_too_large", message)(scope, receive, send)


def _declared(scope: Scope) -> int:
    """Return what Content-Length says, 0 where it says nothing that can be read."""
    values = (value for name, value in scope["headers"] if name == b"content-length")
    return next((int(value[:20]) for value in values if value.isdigit()), 0)
