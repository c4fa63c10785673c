"""LoopThread: an event loop on a thread of its own, for work that threads and coroutines both wait for."""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

R = TypeVar("R")


class LoopThread:
    """Runs coroutines until it is closed, let go of, or the process ends."""

    def __init__(self, name: str) -> None:
        """Start the thread, which keeps no process alive."""
        self._loop = asyncio.new_event_loop()
        thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        thread.start()
        self.close = weakref.finalize(self, _stop, self._loop, thread, os.getpid())
        """Stop the loop; once it is closed, closing does nothing."""

    def start(self, work: Coroutine[Any, Any, R]) -> Future[R]:
        """Begin a coroutine on the loop; cancelling the future cancels it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)


def _stop(loop: asyncio.AbstractEventLoop, thread: threading.Thread, process: int) -> None:
    if os.getpid() != process:
        return  # a fork: the thread is not here, and the loop's descriptors are the parent's too
    loop.call_soon_threadsafe(loop.stop)
    if thread is not threading.current_thread():
        thread.join()
        loop.close()
