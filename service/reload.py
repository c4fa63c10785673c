"""Reload: another version of an index takes the place of the one that is served, without a lost request.

The new one is tried out in a process of its own, opened here, asked a question, and put in place in one step on the
event loop. Requests that were admitted before keep the old one; it is closed when the last of them is done.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

from tamis.errors import TamisError
from tamis.indexer.versions import IndexFolder
from tamis.rankers.engine import Engine

from .canary import canary
from .errors import RequestError
from .indexes import Indexes
from .metrics import Metrics
from .readiness import Readiness
from .source import Source, TrialFailed
from .workers import Workers

logger = logging.getLogger(__name__)

Outcome = Literal["switched", "unchanged"]


class Reloader:
    """Switches indexes to other versions, one at a time."""

    def __init__(
        self,
        indexes: Indexes,
        workers: Workers,
        readiness: Readiness,
        metrics: Metrics,
        sources: Mapping[str, Source],
    ) -> None:
        self._indexes = indexes
        self._workers = workers
        self._readiness = readiness
        self._metrics = metrics
        self._sources = sources
        self._before: dict[str, str] = {}
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="tamis-reload")
        self._draining: set[asyncio.Task[None]] = set()
        self.under_way: str | None = None
        """What is being switched to what."""

    def previous(self, name: str) -> str | None:
        """Return the version that was served before the present one."""
        return self._before.get(name)

    async def rollback(self, name: str) -> tuple[Outcome, str]:
        """Switch back to the version that was served before.

        Raises:
            RequestError: 404 where there was none; else as `reload`.
        """
        version = self.previous(name)
        if version is None:
            raise RequestError(404, "unknown_version", f"index {name!r} served no other version since the start")
        return await self.reload(name, version)

    async def reload(self, name: str, version: str | None = None) -> tuple[Outcome, str]:
        """Switch an index to a version; None: the current one of its folder. Returns what was done, and the version.

        Raises:
            RequestError: 409 while another switch is under way, 404 where there is no such version, 422 where it
                failed its trial. What is served stays as it is.
        """
        if self.under_way is not None:
            message = f"{self.under_way} is under way; try again when it is done"
            raise RequestError(409, "reload_under_way", message, headers={"Retry-After": "5"})
        name, old = self._indexes.find(name)
        source = self._sources.get(name)
        if source is None:
            raise RequestError(404, "unknown_index", f"index {name!r} was not opened from a folder", "index")
        self.under_way = f"a reload of {name!r}"
        try:
            return await self._switch(name, old, source, version)
        except TrialFailed as error:
            self._failed(name, error)
            raise RequestError(422, "trial_failed", f"{error}; what was served before is served on") from None
        except TamisError as error:
            self._failed(name, error)
            if isinstance(error, RequestError):
                raise
            raise RequestError(404, "unknown_version", str(error), "version") from None
        finally:
            self.under_way = None

    def _failed(self, name: str, error: TamisError) -> None:
        self._metrics.reloads.labels("failed").inc()
        logger.error("reload failed", extra={"index": name, "reason": str(error)[:500]})

    async def _switch(self, name: str, old: Engine, source: Source, version: str | None) -> tuple[Outcome, str]:
        loop, now = asyncio.get_running_loop(), old.index.manifest.version
        wanted = await loop.run_in_executor(self._pool, lambda: IndexFolder(source.path).version(version).name)
        if wanted == now:
            self._metrics.reloads.labels("unchanged").inc()
            return "unchanged", now
        fresh = await loop.run_in_executor(self._pool, _prepare, source, wanted)
        # No await from here to the list of running work: whoever found the old one before has been admitted.
        self._indexes.put(name, fresh)
        self._before[name] = now
        task = loop.create_task(self._drain(name, old))
        self._draining.add(task)
        task.add_done_callback(self._draining.discard)
        self._metrics.reloads.labels("switched").inc()
        logger.info("index switched", extra={"index": name, "version": wanted, "before": now})
        return "switched", wanted

    async def _drain(self, name: str, old: Engine) -> None:
        """Close an engine once nobody uses it."""
        await self._workers.drained()
        await self._readiness.drained()
        await asyncio.get_running_loop().run_in_executor(self._pool, old.close)
        logger.info("index closed", extra={"index": name, "version": old.index.manifest.version})

    async def close(self) -> None:
        """Wait for what is being closed."""
        await asyncio.gather(*self._draining, return_exceptions=True)
        self._pool.shutdown(wait=False, cancel_futures=True)


def _prepare(source: Source, version: str) -> Engine:
    source.try_out(version)
    engine = source.open(version)
    try:
        if reason := canary(engine):
            raise TrialFailed(f"version {version}: {reason}")
    except BaseException:
        engine.close()
        raise
    return engine
