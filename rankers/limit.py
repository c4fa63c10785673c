"""Limit: until when a query may take, and whether anybody still waits for its answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Limit:
    """A deadline and a way to give up; both end a query's work between two candidates."""

    deadline: float | None = None
    """As `time.perf_counter` counts; None: as long as it takes."""
    abandoned: Callable[[], bool] = _never
    """True once nobody waits for the answer any more."""

    @staticmethod
    def within(seconds: float | None, abandoned: Callable[[], bool] = _never) -> Limit:
        """Make a limit that begins now."""
        return Limit(None if seconds is None else time.perf_counter() + seconds, abandoned)

    def left(self) -> float | None:
        """Return the seconds that are left, 0 where there are none; None: there is no deadline."""
        return None if self.deadline is None else max(0.0, self.deadline - time.perf_counter())

    def over(self) -> bool:
        """Say whether work should end."""
        return self.left() == 0 or self.abandoned()

    def stop(self) -> Callable[[], bool]:
        """Make what a model asks before each candidate: True where the next one would not be read in time.

        A candidate is expected to take half as long again as the slowest so far; each thread reads its own.
        """
        last: dict[int, float] = {}
        slowest = 0.0

        def asked() -> bool:
            nonlocal slowest
            now, thread = time.perf_counter(), threading.get_ident()
            slowest = max(slowest, now - last.get(thread, now))
            last[thread] = now
            return self.over() or (self.deadline is not None and self.deadline - now < 1.5 * slowest)

        return asked
