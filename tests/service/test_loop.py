"""The event loop that gathers requests while there is no place for a search."""

from __future__ import annotations

import asyncio
import socket
import time

from tamis.service.loop import PAUSE_SECONDS, PatientSelector, patient_loop


def test_it_waits_before_it_looks_only_where_it_is_told_to() -> None:
    waits = [False]
    selector = PatientSelector(lambda: waits[0])
    here, there = socket.socketpair()
    with here, there, selector:
        key = selector.register(here, 1)
        there.send(b"x")
        took = []
        for waits[0] in (False, True):
            start = time.perf_counter()
            assert selector.select(10) == [(key, 1)]
            took.append(time.perf_counter() - start)
    assert took[1] >= PAUSE_SECONDS
    assert max(took) < 5


def test_a_loop_that_waits_still_runs() -> None:
    async def told() -> str:
        await asyncio.sleep(2 * PAUSE_SECONDS)
        return await asyncio.to_thread(lambda: "done")

    with asyncio.Runner(loop_factory=lambda: patient_loop(lambda: True)) as runner:
        assert runner.run(told()) == "done"
