"""Loop: an event loop that lets searches work while there is no place for more, and then refuses many at once."""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Callable

PAUSE_SECONDS = 0.003
"""How long requests are gathered while the queue is full. Each time that the loop wakes, it takes the interpreter from
a search, which costs both of them more than a refusal does."""


class PatientSelector(selectors.DefaultSelector):
    """Waits for a moment before it looks what has arrived, whenever it is told to."""

    def __init__(self, waits: Callable[[], bool]) -> None:
        super().__init__()
        self._waits = waits

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready, as every selector does."""
        if self._waits():
            time.sleep(PAUSE_SECONDS)
        return super().select(timeout)


def patient_loop(waits: Callable[[], bool]) -> asyncio.SelectorEventLoop:
    """Make an event loop that takes `PAUSE_SECONDS` before each look at its sockets while `waits` says so."""
    return asyncio.SelectorEventLoop(PatientSelector(waits))
