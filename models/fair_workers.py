"""Work side by side: a fixed number of threads that many callers share fairly, piece by piece."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tamis.errors import InvalidInput, Overloaded, TamisError

CREDIT = 4_096
"""Cost up to which a new caller goes before those that have had more: about 30 passages, in tokens."""

Stop = Callable[[], bool]


@dataclass(eq=False, slots=True)
class _Job:
    """What one caller wants done."""

    costs: Sequence[int]
    work: Callable[[int], None]
    stop: Stop | None
    served: float = 0.0
    """Cost that was begun for this caller, counted from where the others stood when it came."""
    next: int = 0
    running: int = 0
    halted: bool = False
    error: BaseException | None = None
    done: threading.Event = field(default_factory=threading.Event)

    @property
    def waits(self) -> bool:
        """Whether there are pieces that nobody has begun."""
        return self.next < len(self.costs)


class FairWorkers:
    """Does numbered pieces of work on a fixed number of threads.

    The next piece is always one of the caller that has had least (start-time fair queueing, Goyal, Vin and Cheng
    1996), and who comes anew has some credit, so that ten pieces do not wait for another caller's thousand. Threads
    sleep until there is work; the pieces of a caller that stopped or failed are dropped.
    """

    def __init__(self, threads: int, name: str, most_waiting: int | None = None) -> None:
        """Start threads when the first work comes.

        Args:
            threads: pieces done side by side.
            name: of the threads.
            most_waiting: cost of all pieces that wait, above which no other caller is let in; None: no bound.
        """
        self.threads = threads
        self._name = name
        self._most_waiting = most_waiting
        self._changed = threading.Condition()
        self._jobs: list[_Job] = []
        self._clock = 0.0
        self._waiting = 0
        self._closed = False
        self._broken: BaseException | None = None
        self._process = os.getpid()
        self._running: list[threading.Thread] = []

    @property
    def waiting(self) -> int:
        """Cost of all pieces that nobody has begun."""
        return self._waiting

    @property
    def is_alive(self) -> bool:
        """Whether work that is given now will be done."""
        return self._broken is None and not self._closed

    def each(self, costs: Sequence[int], work: Callable[[int], None], stop: Stop | None = None) -> bool:
        """Do one piece of work for each cost, begun in this order, and wait for all.

        Args:
            costs: what each piece costs, in any unit that all callers share.
            work: does a piece, by number; an error ends the caller's work and is raised here.
            stop: asked before each piece; True ends the caller's work.

        Returns:
            whether all pieces were done.

        Raises:
            Overloaded: others wait, and with these pieces more would wait than is allowed.
            TamisError: a thread died, or the process was forked.
        """
        if not costs:
            return True
        job = _Job(costs, work, stop)
        self._enter(job)
        try:
            job.done.wait()
        except BaseException:  # the caller was interrupted: nobody waits for the rest
            job.halted = True
            raise
        if job.error is not None:
            raise job.error
        return not job.halted

    def _enter(self, job: _Job) -> None:
        if os.getpid() != self._process:
            raise TamisError("this process was forked after the model was opened, and threads do not survive that: "
                             "open the model in the new process")  # fmt: skip
        with self._changed:
            self._check()
            cost = sum(job.costs)
            if self._jobs and self._most_waiting is not None and self._waiting + cost > self._most_waiting:
                raise Overloaded(
                    f"{self._waiting:,} tokens wait to be read, and {cost:,} more would exceed the "
                    f"{self._most_waiting:,} allowed: try again later"
                )
            job.served = max(0.0, self._clock - CREDIT)
            self._jobs.append(job)
            self._waiting += cost
            if not self._running:
                self._running = [
                    threading.Thread(target=self._loop, name=f"{self._name}-{number}", daemon=True)
                    for number in range(self.threads)
                ]
                for thread in self._running:
                    thread.start()
            self._changed.notify(len(job.costs))

    def _check(self) -> None:
        if self._closed:
            raise InvalidInput("this model is closed: open it again")
        if self._broken is not None:
            raise TamisError(f"a thread that scores died ({self._broken!r}): open the model again") from self._broken

    def _loop(self) -> None:
        try:
            while (found := self._take()) is not None:
                self._do(*found)
        except BaseException as error:
            self._break(error)

    def _take(self) -> tuple[_Job, int] | None:
        """Wait for work, and take the next piece of whoever has had least; None: there will be no more."""
        with self._changed:
            while not (waiting := [job for job in self._jobs if job.waits]):
                if self._closed or self._broken is not None:
                    return None
                self._changed.wait()
            job = min(waiting, key=lambda one: one.served)
            self._clock = max(self._clock, job.served)
            number, job.next, job.running = job.next, job.next + 1, job.running + 1
            self._waiting -= job.costs[number]
            job.served += job.costs[number]
            return job, number

    def _do(self, job: _Job, number: int) -> None:
        try:
            if not job.halted and job.stop is not None and job.stop():
                job.halted = True
            if not job.halted:
                job.work(number)
        except BaseException as error:
            job.error, job.halted = job.error or error, True
        with self._changed:
            job.running -= 1
            if job.halted:
                self._waiting -= sum(job.costs[job.next :])
                job.next = len(job.costs)
            if not job.running and not job.waits:
                self._jobs.remove(job)
                job.done.set()

    def _break(self, error: BaseException) -> None:
        """Tell every caller that its work will not be done."""
        with self._changed:
            self._broken = self._broken or error
            for job in self._jobs:
                job.error, job.halted = job.error or TamisError(f"a thread that scores died: {error!r}"), True
                job.done.set()
            self._jobs.clear()
            self._waiting = 0
            self._changed.notify_all()

    def close(self) -> None:
        """Finish what was begun or waits, and let go of the threads."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._running:
            thread.join()
