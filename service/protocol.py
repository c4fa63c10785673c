"""Protocol: uvicorn's, and a limit to the time that a request may take to arrive."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

ARRIVING = (h11.IDLE, h11.SEND_BODY)
"""States of a client that has not sent its whole request."""


def limited(seconds: float) -> type[H11Protocol]:
    """Make a protocol that hangs up where headers and body are not there within `seconds` of the first byte.

    uvicorn has no such limit: clients that send a byte now and then would hold their connections for ever.
    """
    return type("LimitedProtocol", (_Limited,), {"seconds": seconds})


class _Limited(H11Protocol):
    seconds: float
    _limit: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._start()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state not in ARRIVING:
            self._stop()
        elif self._limit is None:
            self._start()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def _start(self) -> None:
        self._limit = self.loop.call_later(self.seconds, self._hang_up)

    def _stop(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None

    def _hang_up(self) -> None:
        self._limit = None
        if self.conn.their_state in ARRIVING and not self.transport.is_closing():
            self.transport.close()
