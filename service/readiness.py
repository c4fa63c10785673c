"""Readiness: asks every index a real question through its whole pipeline, now and then."""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor

from tamis.errors import Overloaded
from tamis.rankers.engine import Engine

from .canary import canary
from .indexes import Indexes
from .metrics import Metrics

logger = logging.getLogger(__name__)


class Readiness:
    """Finds out whether every index can answer; one probe at a time, remembered for a moment.

    Probes have a thread of their own: a service whose search threads are all busy is ready.
    """

    def __init__(
        self, indexes: Indexes, metrics: Metrics | None = None, max_age: float = 1.0, timeout: float = 5.0
    ) -> None:
        """Probe `indexes`.

        Args:
            indexes: what is to be ready.
            metrics: told what was found.
            max_age: seconds for which the last finding is good enough.
            timeout: seconds after which an index that has not answered counts as not ready.
        """
        self._indexes = indexes
        self._metrics = metrics
        self._max_age = max_age
        self._timeout = timeout
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="tamis-probe")
        self._probe: asyncio.Future[list[str]] | None = None
        self._known: list[str] = []
        self._expires = 0.0

    async def reasons(self) -> list[str]:
        """Return why the service is not ready; an empty list says that it is."""
        if time.monotonic() < self._expires:
            return self._known
        if self._probe is None:
            self._probe = asyncio.get_running_loop().run_in_executor(self._pool, self._ask_all)
            self._probe.add_done_callback(self._remember)
        finished, _ = await asyncio.wait([self._probe], timeout=self._timeout)
        return self._known if finished else [f"no answer within {self._timeout:g} s"]

    async def drained(self) -> None:
        """Return once a probe that runs is done."""
        if self._probe is not None:
            await asyncio.wait([self._probe])

    def _remember(self, probe: asyncio.Future[list[str]]) -> None:
        self._probe = None
        if not probe.cancelled():
            self._known = probe.result()
            self._expires = time.monotonic() + self._max_age
            if self._metrics is not None:
                self._metrics.canary.set(not self._known)

    def _ask_all(self) -> list[str]:
        found = ((name, _ask(name, engine)) for name, engine in self._indexes)
        return [f"{name}: {reason}" for name, reason in found if reason]

    def close(self) -> None:
        """Finish a probe that runs."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def _ask(name: str, engine: Engine | None) -> str | None:
    """Ask an index the question that it must have an answer to."""
    if engine is None:
        return "being opened"
    if not engine.is_alive:
        return "a thread of its reranker died; restart the service"
    try:
        return canary(engine)
    except Overloaded:
        return None  # so much to do that the probe finds no place: no reason to send everybody away
    except Exception as error:
        logger.error("an index does not answer", exc_info=error, extra={"index": name})
        return f"a search failed with {type(error).__name__}"
