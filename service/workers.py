"""Workers: the threads that searches run in, a queue of bounded length before them, and an ear for clients that go."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from fastapi import Request

from tamis.rankers.limit import Limit

from .access_log import CLIENT_GONE
from .errors import RequestError
from .metrics import Metrics

R = TypeVar("R")

MEMORY = 0.1
"""Weight of the newest duration in the running mean that estimates waits."""


ANSWERING = 0.02
"""Seconds of a budget that are kept for reading the hits' passages, writing the answer and sending it."""

ANSWERING_SHARE = 0.1
"""At most this share of a budget is kept for that."""


LISTENING_AFTER = 0.25
"""Seconds after which one listens whether the client is still there."""

PLACE = "tamis.place"
"""Name in a request's scope of the place that is kept for it."""


class Place:
    """A place kept for a search that has arrived and was not admitted yet; given back once."""

    def __init__(self, give_back: Callable[[], None]) -> None:
        self._give_back: Callable[[], None] | None = give_back

    def give_back(self) -> bool:
        """Let others have the place; say whether it was still kept."""
        kept, self._give_back = self._give_back, None
        if kept is not None:
            kept()
        return kept is not None


class Workers:
    """A fixed number of threads; a fixed number of requests may wait for one, and the next is refused at once."""

    def __init__(self, threads: int, queue: int, metrics: Metrics) -> None:
        self._threads = threads
        self._queue = queue
        self._metrics = metrics
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="tamis-search")
        self._lock = threading.Lock()
        self._present = 0
        self._expected = 0
        """Places that are kept for searches on their way; the loop's thread alone changes it."""
        self._running: set[Future[Any]] = set()
        self._mean = 0.0
        metrics.queue_depth.set_function(lambda: max(0, self._present - threads))
        metrics.inflight.set_function(lambda: min(threads, self._present))

    async def run(self, request: Request, work: Callable[[Limit], R], budget: float | None = None) -> R:
        """Do work in a thread and wait for it; the loop goes on meanwhile.

        Args:
            request: whose client is listened to: when it goes away, what waits is dropped and what runs is told.
            work: given the limit that it should keep.
            budget: seconds that it may take, from now on.

        Raises:
            RequestError: 429 where the queue is full, 504 where the budget is over before a thread is free.
        """
        left = threading.Event()
        kept = 0.0 if budget is None else min(ANSWERING, ANSWERING_SHARE * budget)
        limit = Limit.within(None if budget is None else budget - kept, left.is_set)
        answer = asyncio.wrap_future(self._admit(work, limit, budget, request.scope.get(PLACE)))
        ear = _Ear(request, answer)
        try:
            return await answer
        except asyncio.CancelledError:
            if not ear.heard:
                raise
            self._metrics.cancelled.inc()
            raise RequestError(CLIENT_GONE, "client_gone", "the client went away before the answer") from None
        finally:
            left.set()
            answer.cancel()
            ear.close()

    def _admit(self, work: Callable[[Limit], R], limit: Limit, budget: float | None, place: Place | None) -> Future[R]:
        is_expected = place is not None and place.give_back()
        with self._lock:
            wait = self._expected_wait()
            if not is_expected:
                self._check_room(wait)
            if budget is not None and wait > budget:
                self._refuse("no_time", f"the queue takes {wait:.2f} s, more than the budget of {budget:g} s", wait)
            self._present += 1
        try:
            future = self._pool.submit(self._work, work, limit, time.perf_counter())
        except BaseException:
            self._leave()
            raise
        with self._lock:
            self._running.add(future)
        future.add_done_callback(self._done)
        return future

    def place(self) -> Place | None:
        """Keep a place for a search that has arrived as a whole; None: there is none.

        Many searches can arrive before the first of them is parsed; without places, all of them would be let in to be
        refused when they are admitted, which costs several times as much.
        """
        if self.is_full():
            return None
        self._expected += 1
        return Place(self._expect_one_less)

    def _expect_one_less(self) -> None:
        self._expected -= 1

    def is_full(self) -> bool:
        """Whether as many requests wait, or are on their way, as may."""
        return self._present + self._expected >= self._threads + self._queue

    def check_room(self) -> None:
        """Refuse with 429 while as many requests wait as may, as `run` would."""
        with self._lock:
            self._check_room(self._expected_wait())

    def _check_room(self, wait: float) -> None:
        if self.is_full():
            self._refuse("queue_full", f"{self._queue} requests are waiting already, which is as many as may", wait)

    def _refuse(self, reason: str, said: str, wait: float) -> None:
        self._metrics.rejected.labels(reason).inc()
        seconds = str(max(1, math.ceil(wait)))
        raise RequestError(429, "overloaded", f"{said}; try again in {seconds} s", headers={"Retry-After": seconds})

    def _expected_wait(self) -> float:
        return max(0, self._present - self._threads + 1) * self._mean / self._threads

    def _work(self, work: Callable[[Limit], R], limit: Limit, since: float) -> R:
        start = time.perf_counter()
        self._metrics.queue_wait.observe(start - since)
        if limit.over():
            self._metrics.rejected.labels("budget_over").inc()
            raise RequestError(504, "out_of_time", "the budget was over before a thread was free; give it more")
        try:
            return work(limit)
        finally:
            took = time.perf_counter() - start
            self._mean = took if self._mean == 0 else (1 - MEMORY) * self._mean + MEMORY * took

    async def drained(self) -> None:
        """Return once everything that was admitted before this call is done."""
        with self._lock:
            running = [asyncio.wrap_future(future) for future in self._running]
        if running:
            await asyncio.wait(running)

    def _done(self, future: Future[Any]) -> None:
        with self._lock:
            self._running.discard(future)
        self._leave()

    def _leave(self) -> None:
        with self._lock:
            self._present -= 1

    def close(self) -> None:
        """Finish what runs, drop what waits; afterwards engines may be closed."""
        self._pool.shutdown(wait=True, cancel_futures=True)


class _Ear:
    """Cancels an answer once the client that waits for it has gone; listens from a moment after the start on.

    Most answers are there before: for them, listening would cost more than it can save.
    """

    def __init__(self, request: Request, answer: asyncio.Future[Any]) -> None:
        self.heard = False
        """Whether the client has gone."""
        self._request, self._answer = request, answer
        self._listener: asyncio.Task[None] | None = None
        self._start = asyncio.get_running_loop().call_later(LISTENING_AFTER, self._begin)

    def _begin(self) -> None:
        self._listener = asyncio.ensure_future(self._listen())

    async def _listen(self) -> None:
        while (await self._request.receive())["type"] != "http.disconnect":
            pass
        self.heard = self._answer.cancel()

    def close(self) -> None:
        self._start.cancel()
        if self._listener is not None:
            self._listener.cancel()
