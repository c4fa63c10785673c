"""Work side by side: the caller's own thread and a few helpers take items one after the other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor


class Workers:
    """Does numbered pieces of work on a fixed number of threads, of which the caller's is one.

    Since every caller works too, none waits for the work of another to end: with many callers the operating system
    shares the cores out among them.
    """

    def __init__(self, threads: int, name: str) -> None:
        self.threads = threads
        self._pool = ThreadPoolExecutor(max(1, threads - 1), thread_name_prefix=name)

    def each(self, count: int, work: Callable[[int], None], stop: Callable[[], bool] | None = None) -> bool:
        """Do work number 0 to `count` - 1, in this order but for what runs side by side.

        Args:
            count: how many pieces.
            work: does one piece; an error ends the work and is raised here.
            stop: asked before each piece; True ends the work.

        Returns:
            whether all pieces were done.
        """
        numbers, lock, halt = iter(range(count)), threading.Lock(), threading.Event()

        def loop() -> None:
            while not halt.is_set():
                with lock:
                    number = next(numbers, None)
                if number is None:
                    return
                try:
                    if stop is not None and stop():
                        halt.set()
                        return
                    work(number)
                except BaseException:
                    halt.set()
                    raise

        helpers = [self._pool.submit(loop) for _ in range(min(self.threads, count) - 1)]
        try:
            loop()
        finally:
            waited = [helper for helper in helpers if not helper.cancel()]
            errors = [error for helper in waited if (error := helper.exception()) is not None]
        if errors:
            raise errors[0]
        return not halt.is_set()

    def close(self) -> None:
        """Wait for the helpers and let go of them."""
        self._pool.shutdown(wait=True, cancel_futures=True)
