"""Direct cycle: a search that the door let in, asked and answered without a parser between connection and app."""

from __future__ import annotations

import asyncio
import http
import logging
from collections.abc import Callable, Collection

from starlette.types import ASGIApp, Message, Scope
from uvicorn.protocols.http.flow_control import FlowControl

logger = logging.getLogger(__name__)

PHRASES = {status.value: status.phrase.encode() for status in http.HTTPStatus}

FAILED = b"Internal Server Error"
"""What is said where the app failed without saying anything itself."""


class DirectCycle:
    """One request, all of which is there, and its answer; it is to uvicorn's protocols what their own cycles are."""

    def __init__(
        self,
        scope: Scope,
        body: bytes,
        transport: asyncio.Transport,
        flow: FlowControl,
        default_headers: list[tuple[bytes, bytes]],
        on_response: Callable[[], None],
    ) -> None:
        """Get ready to answer `body`, asked as `scope` says, on `transport`; `on_response` is told of the end."""
        self._scope, self._body = scope, body
        self._transport, self._flow = transport, flow
        self._default_headers = default_headers
        self._on_response = on_response
        self._head: bytes | None = None
        self._was_read = self._is_sent = False
        self.message_event = asyncio.Event()
        self.disconnected = self.response_complete = False
        self.keep_alive = True

    async def run(self, app: ASGIApp) -> None:
        """Let the app answer."""
        try:
            await app(self._scope, self._receive, self._send)
        except Exception as error:
            logger.error("unexpected error", exc_info=error)
        if self.response_complete or self.disconnected:
            return
        if self._is_sent:
            self._transport.close()  # in the midst of an answer: that is how the client learns of it
            return
        self.keep_alive = False
        length = (b"content-length", str(len(FAILED)).encode())
        self._head = self._written(500, [(b"content-type", b"text/plain; charset=utf-8"), length])
        await self._send({"type": "http.response.body", "body": FAILED})

    def _written(self, status: int, headers: Collection[tuple[bytes, bytes]]) -> bytes:
        lines = [b"HTTP/1.1 %d %s\r\n" % (status, PHRASES.get(status, b""))]
        own = () if self.keep_alive else ((b"connection", b"close"),)
        lines += [b"%s: %s\r\n" % header for header in (*self._default_headers, *headers, *own)]
        head = b"".join(lines)
        if head.count(b"\n") != len(lines) or head.count(b"\r") != len(lines):
            raise ValueError("a header of the answer holds a line break")
        return head + b"\r\n"

    async def _receive(self) -> Message:
        if not self._was_read:
            self._was_read = True
            return {"type": "http.request", "body": self._body, "more_body": False}
        if not self.disconnected and not self.response_complete:
            await self.message_event.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if self._flow.write_paused and not self.disconnected:
            await self._flow.drain()
        if self.disconnected:
            return
        if message["type"] == "http.response.start":
            self._head = self._written(message["status"], message.get("headers", ()))
            return
        # Head and body in one piece: each write costs a system call.
        self._transport.write((self._head or b"") + message.get("body", b""))
        self._head, self._is_sent = None, True
        if message.get("more_body", False):
            return
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self._transport.close()
        self._on_response()
