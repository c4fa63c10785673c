"""FairWorkers: every piece once, errors to the caller, fair shares, a bound, and no thread that dies unseen."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator

import pytest

from tamis.errors import InvalidInput, Overloaded, TamisError
from tamis.models.fair_workers import CREDIT, FairWorkers


@pytest.fixture(params=[1, 2, 4])
def workers(request: pytest.FixtureRequest) -> Iterator[FairWorkers]:
    made = FairWorkers(request.param, "test")
    yield made
    made.close()


@pytest.fixture
def one() -> Iterator[FairWorkers]:
    """A single thread, so that the order of pieces is determined."""
    made = FairWorkers(1, "test")
    yield made
    made.close()


class Gate:
    """Work that says it has begun, then waits to be let through."""

    def __init__(self) -> None:
        self.begun, self.open = threading.Semaphore(0), threading.Event()

    def __call__(self, number: int) -> None:
        """Wait."""
        self.begun.release()
        assert self.open.wait(30)


def start(workers: FairWorkers, costs: list[int], work: object) -> threading.Thread:
    """Call `each` in a thread."""
    thread = threading.Thread(target=workers.each, args=(costs, work))
    thread.start()
    return thread


def until(condition: object) -> None:
    """Wait until something holds."""
    for _ in range(3_000):
        if condition():  # type: ignore[operator]
            return
        time.sleep(0.01)
    raise AssertionError("it never came to hold")


@pytest.mark.parametrize("count", [0, 1, 3, 200])
def test_every_piece_is_done_once(workers: FairWorkers, count: int) -> None:
    done: list[int] = []
    assert workers.each([1] * count, done.append)
    assert sorted(done) == list(range(count))
    assert workers.waiting == 0


def test_callers_side_by_side_each_get_all_of_their_own(workers: FairWorkers) -> None:
    done: dict[int, list[int]] = {caller: [] for caller in range(12)}
    threads = [start(workers, [caller + 1] * 40, done[caller].append) for caller in done]
    for thread in threads:
        thread.join()
    assert all(sorted(found) == list(range(40)) for found in done.values())
    assert workers.waiting == 0


def test_an_error_ends_the_work_and_reaches_the_caller(workers: FairWorkers) -> None:
    done: list[int] = []

    def work(number: int) -> None:
        if number == 5:
            raise KeyError("five")
        time.sleep(0.001)
        done.append(number)

    with pytest.raises(KeyError, match="five"):
        workers.each([1] * 1_000, work)
    assert len(done) < 100
    assert workers.waiting == 0
    assert workers.each([1, 1], done.append)  # and the workers are fit for more


def test_stop_is_asked_before_each_piece(workers: FairWorkers) -> None:
    done: list[int] = []
    assert not workers.each([1] * 1_000, done.append, lambda: len(done) >= 10)
    assert 10 <= len(done) < 10 + workers.threads
    assert workers.waiting == 0
    assert workers.each([1] * 3, done.append, lambda: False)


def test_an_error_in_stop_reaches_the_caller(workers: FairWorkers) -> None:
    with pytest.raises(ZeroDivisionError):
        workers.each([1, 1], print, lambda: bool(1 / 0))
    assert workers.is_alive


def test_a_small_job_goes_before_the_rest_of_a_large_one(one: FairWorkers) -> None:
    """A newcomer has credit: its pieces come before all others of a caller that has had more than that."""
    order: list[str] = []
    gate = Gate()

    def large(number: int) -> None:
        if number == 1:
            gate(number)
        order.append("large")

    first = start(one, [2 * CREDIT, *[100] * 50], large)
    assert gate.begun.acquire(timeout=30)
    second = start(one, [100] * 10, lambda number: order.append("small"))
    until(lambda: one.waiting == 59 * 100)
    gate.open.set()
    first.join()
    second.join()
    assert order == ["large"] * 2 + ["small"] * 10 + ["large"] * 49


def test_equal_callers_take_turns_once_credit_is_used_up(one: FairWorkers) -> None:
    """Two callers of pieces as large as the credit: neither is ever more than one piece ahead."""
    order: list[str] = []
    gate = Gate()
    blocker = start(one, [1], gate)
    assert gate.begun.acquire(timeout=30)
    threads = []
    for number, name in enumerate("ab"):
        threads.append(start(one, [CREDIT] * 20, lambda piece, name=name: order.append(name)))
        until(lambda number=number: one.waiting == (number + 1) * 20 * CREDIT)
    gate.open.set()
    for thread in [blocker, *threads]:
        thread.join()
    assert "".join(order) == "ab" * 20


def test_what_would_wait_beyond_the_bound_is_refused_at_once() -> None:
    workers, gate = FairWorkers(1, "test", most_waiting=100), Gate()
    first = start(workers, [1_000, 60], gate)  # the first caller is let in, whatever it asks
    assert gate.begun.acquire(timeout=30)
    with pytest.raises(Overloaded, match="60 tokens wait to be read, and 41 more would exceed the 100 allowed"):
        workers.each([41], print)
    second = start(workers, [40], gate)
    until(lambda: workers.waiting == 100)
    gate.open.set()
    first.join()
    second.join()
    assert workers.each([41], lambda number: None)
    workers.close()


def test_the_work_of_a_caller_that_left_is_dropped(one: FairWorkers) -> None:
    """Nobody waits for another's cancelled work."""
    done: list[int] = []
    gate, left = Gate(), threading.Event()
    blocker = start(one, [1], gate)
    assert gate.begun.acquire(timeout=30)
    gone = threading.Thread(target=one.each, args=([1] * 1_000, done.append, left.is_set))
    gone.start()
    until(lambda: one.waiting == 1_000)
    left.set()
    gate.open.set()
    gone.join()
    blocker.join()
    assert done == []
    assert one.waiting == 0


def test_a_thread_that_dies_is_told_to_every_caller_and_to_those_that_come(monkeypatch: pytest.MonkeyPatch) -> None:
    workers, gate, told = FairWorkers(1, "test"), Gate(), []

    def call() -> None:
        try:
            workers.each([1, 1], gate)
        except TamisError as error:
            told.append(str(error))

    callers = [threading.Thread(target=call) for _ in range(3)]
    for caller in callers:
        caller.start()
    assert gate.begun.acquire(timeout=30)
    until(lambda: workers.waiting == 5)

    def die() -> None:
        raise MemoryError("no memory")

    monkeypatch.setattr(workers, "_take", die)
    gate.open.set()
    for caller in callers:
        caller.join(30)
    assert [text.startswith("a thread that scores died: MemoryError") for text in told] == [True] * 3
    assert not workers.is_alive
    with pytest.raises(TamisError, match="open the model again"):
        workers.each([1], print)


def test_closed_workers_say_so_and_finish_what_was_begun() -> None:
    workers, gate, done = FairWorkers(1, "test"), Gate(), []
    caller = threading.Thread(target=lambda: done.append(workers.each([1, 1, 1], gate)))
    caller.start()
    assert gate.begun.acquire(timeout=30)
    closing = threading.Thread(target=workers.close)
    closing.start()
    gate.open.set()
    closing.join(30)
    caller.join(30)
    assert done == [True]
    with pytest.raises(InvalidInput, match="closed"):
        workers.each([1], print)


def test_a_forked_process_is_told_instead_of_waiting_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    workers = FairWorkers(1, "test")
    parent = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: parent + 1)
    with pytest.raises(TamisError, match="forked"):
        workers.each([1], print)
