"""Workers: every piece once, errors to the caller, and no caller behind another."""

from __future__ import annotations

import threading
import time

import pytest

from tamis.models.workers import Workers


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("count", [0, 1, 3, 200])
def test_every_piece_is_done_once(threads: int, count: int) -> None:
    workers = Workers(threads, "test")
    done: list[int] = []
    assert workers.each(count, done.append)
    assert sorted(done) == list(range(count))
    workers.close()


@pytest.mark.parametrize("threads", [1, 3])
def test_an_error_ends_the_work_and_reaches_the_caller(threads: int) -> None:
    workers = Workers(threads, "test")
    done: list[int] = []

    def work(number: int) -> None:
        if number == 5:
            raise KeyError("five")
        time.sleep(0.001)
        done.append(number)

    with pytest.raises(KeyError, match="five"):
        workers.each(1_000, work)
    assert len(done) < 100
    assert workers.each(2, done.append)  # and the workers are fit for more
    workers.close()


def test_stop_is_asked_before_each_piece() -> None:
    workers = Workers(2, "test")
    done: list[int] = []
    assert not workers.each(1_000, done.append, lambda: len(done) >= 10)
    assert 10 <= len(done) <= 12
    assert workers.each(3, done.append, lambda: False)
    workers.close()


def test_a_small_job_does_not_wait_for_a_large_one() -> None:
    """The helper is taken for good; the caller's own thread does the small job."""
    workers, release, started = Workers(2, "test"), threading.Event(), threading.Semaphore(0)

    def wait(number: int) -> None:
        started.release()
        release.wait(30)

    large = threading.Thread(target=workers.each, args=(2, wait))
    large.start()
    for _ in range(2):
        assert started.acquire(timeout=30)
    done: list[int] = []
    assert workers.each(10, done.append)
    assert sorted(done) == list(range(10))
    release.set()
    large.join()
    workers.close()
