"""Protocol: uvicorn's, and a limit to the time that a request may take to arrive."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from .direct import DirectCycle
from .door import Arrived, Door
from .workers import PLACE, Place

ARRIVING = (h11.IDLE, h11.SEND_BODY)
"""States of a client that has not sent its whole request."""

BETWEEN = {h11.CLIENT: h11.IDLE, h11.SERVER: h11.IDLE}
"""States of a connection on which nothing of a request was received yet."""


def limited(seconds: float, door: Door | None = None) -> type[H11Protocol]:
    """Make a protocol that hangs up where headers and body are not there within `seconds` of the first byte.

    uvicorn has no such limit: clients that send a byte now and then would hold their connections for ever.

    Args:
        seconds: until the whole request is there.
        door: gives places to searches, or refuses them before they are parsed; without one, all are parsed.
    """
    return type("LimitedProtocol", (_Limited,), {"seconds": seconds, "door": door})


class _Limited(H11Protocol):
    seconds: float
    door: Door | None
    _limit: asyncio.TimerHandle | None = None
    _place: Place | None = None
    _early = b""
    """What came while a search was being answered that the parser knows nothing of."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._start()

    def data_received(self, data: bytes) -> None:
        if isinstance(self.cycle, DirectCycle) and not self.cycle.response_complete:
            self._early += data  # no more than one piece: nothing is read until the answer is written
            self.flow.pause_reading()
            return
        answer = self.door.receive(data) if self.door is not None and self._is_between_requests() else None
        if answer is not None:
            self._stop()
            self._unset_keepalive_if_required()
            if isinstance(answer, Arrived):
                self._hand_on(answer)
            else:
                self.transport.write(answer)
                self.on_response_complete()
            return
        super().data_received(data)
        if self.conn.their_state not in ARRIVING:
            self._stop()
        elif self._limit is None:
            self._start()

    def _hand_on(self, search: Arrived) -> None:
        """Give a search to the app, past the parser."""
        self._place = search.place
        scope = {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": "1.1",
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "method": search.method,
            "root_path": self.root_path,
            "path": self.root_path + search.path,
            "raw_path": (self.root_path + search.path).encode(),
            "query_string": search.query_string,
            "headers": search.headers,
            "state": self.app_state.copy(),
            PLACE: search.place,
        }
        defaults = self.server_state.default_headers
        cycle = DirectCycle(scope, search.body, self.transport, self.flow, defaults, self.on_response_complete)
        self.cycle = cycle  # type: ignore[assignment]  # does for the base class what its own cycles do
        task = self.loop.create_task(cycle.run(self.app))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def on_response_complete(self) -> None:
        self._give_back()
        super().on_response_complete()
        if self._early and not self.transport.is_closing():
            early, self._early = self._early, b""
            self.data_received(early)

    def _is_between_requests(self) -> bool:
        return (
            (self.cycle is None or self.cycle.response_complete)
            and self.conn.states == BETWEEN
            and not self.conn.trailing_data[0]
            and not self.flow.write_paused
            and not self.transport.is_closing()
        )

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        self._give_back()
        super().connection_lost(exc)

    def _give_back(self) -> None:
        """Let others have the place of a request that ended without being admitted."""
        if self._place is not None:
            self._place.give_back()
            self._place = None

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
