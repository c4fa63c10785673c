"""Serve: from names and folders to a listening server, until a signal ends it."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

import uvicorn
from starlette.types import ASGIApp

from tamis.rankers.engine import Engine

from .address import address, bind
from .app import close_app, create_app
from .config import ServiceConfig
from .door import Door
from .errors import RequestError
from .keys import Keys
from .logs import configure_logs
from .loop import patient_loop
from .protocol import limited
from .source import Source
from .state import State
from .tracing import exporting

logger = logging.getLogger(__name__)

Opener = Callable[[], Engine]
GRACE_SECONDS = 5
KEEP_ALIVE_SECONDS = 75
"""Longer than the 60 s after which load balancers drop idle connections, so that they are the ones to do it."""


SWITCH_SECONDS = 0.0005
"""How long a thread may hold the interpreter while others wait; 5 ms, Python's own, would keep the event loop from
refusing requests at once while searches are at work."""

GARBAGE = (20_000, 10, 10)
"""New objects after which Python looks for cycles among them, and how often it goes on to older ones. After 700, its
own number, it looks once in a few requests, and a tenth of the event loop's time goes into that."""


def serve(
    openers: Mapping[str, Opener],
    config: ServiceConfig,
    announce: Callable[[str], None],
    insecure: bool = False,
    keys: Keys | None = None,
    sources: Mapping[str, Source] | None = None,
) -> None:
    """Listen at once, open the indexes meanwhile, and serve until SIGINT or SIGTERM.

    Args:
        openers: what opens each index, by registered name; opened engines are closed at the end.
        config: address, limits and threads.
        announce: told one line with the address as soon as it listens.
        insecure: allow an address that other machines can reach even without keys.
        keys: who may ask.
        sources: where SIGHUP and /v1/admin/reload find other versions of the indexes.

    Raises:
        InvalidInput: the address cannot be used, or is reachable from outside without keys or `insecure`.
        TamisError: an index could not be opened; the server has been stopped.
    """
    log = configure_logs(config)
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.set_threshold(*GARBAGE)
    engines: dict[str, Engine] = {}
    spans = exporting() if config.tracing else None
    tracer = None if spans is None else spans.get_tracer("tamis")
    app = create_app(engines, config, openers, keys, sources, tracer)
    opening = _Opening(openers, engines)
    server = _Server(server_config(app, config, app.state.door), opening, announce, app.state.service)
    with bind(config.host, config.port, insecure or bool(keys)) as listener:
        try:
            with asyncio.Runner(loop_factory=partial(patient_loop, app.state.service.workers.is_full)) as runner:
                runner.run(server.run_on(listener))
        finally:
            close_app(app)  # a second signal skips the lifespan's end
            opening.close()
            if spans is not None:
                spans.shutdown()
            log.close()
    opening.check()


def server_config(app: ASGIApp, config: ServiceConfig, door: Door | None = None) -> uvicorn.Config:
    """Settle how uvicorn serves: what it parses with, how much it holds, how long it waits."""
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        # h11: httptools bounds neither a header's size nor their number
        http=limited(config.receive_seconds, door),
        ws="none",
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
        # Every allowed query fits into a URL: 4 bytes a character, each written as %XX.
        h11_max_incomplete_event_size=max(65_536, 12 * config.max_query_chars + 8_192),
    )


class _Opening(threading.Thread):
    """Opens the indexes while the server already listens; a signal does not wait for it."""

    def __init__(self, openers: Mapping[str, Opener], engines: dict[str, Engine]) -> None:
        super().__init__(name="tamis-open", daemon=True)
        self._openers = openers
        self._engines = engines
        self._lock = threading.Lock()
        self._closed = False
        self.error: BaseException | None = None

    def run(self) -> None:
        """Open one index after the other, until one cannot be opened."""
        try:
            for name, opener in self._openers.items():
                start = time.perf_counter()
                self._keep(name, opener())
                logger.info("index open", extra={"index": name, "seconds": round(time.perf_counter() - start, 3)})
        except BaseException as error:
            self.error = error

    def _keep(self, name: str, engine: Engine) -> None:
        with self._lock:
            if self._closed:
                engine.close()
            else:
                self._engines[name] = engine

    def close(self) -> None:
        """Close what was opened; what is opened from now on is closed at once."""
        with self._lock:
            self._closed = True
            for engine in self._engines.values():
                engine.close()

    def check(self) -> None:
        """Raise what went wrong."""
        if self.error is not None:
            raise self.error


class _Server(uvicorn.Server):
    """uvicorn that says where it listens, and that returns after a signal instead of dying of it."""

    def __init__(
        self, config: uvicorn.Config, opening: _Opening, announce: Callable[[str], None], state: State
    ) -> None:
        super().__init__(config)
        self._opening = opening
        self._announce = announce
        self._state = state
        self._reloads: set[asyncio.Task[None]] = set()

    async def run_on(self, listener: socket.socket) -> None:
        """Serve on a bound socket until a signal comes or an index cannot be opened."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, self.handle_exit, number, None)
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._hang_up)
        await self.serve([listener])

    def _hang_up(self) -> None:
        """Reload every index, as daemons do at SIGHUP."""
        task = asyncio.get_running_loop().create_task(self._reload_all())
        self._reloads.add(task)
        task.add_done_callback(self._reloads.discard)

    async def _reload_all(self) -> None:
        for name in self._state.indexes.names:
            try:
                await self._state.reloader.reload(name)
            except RequestError as error:
                logger.error("reload refused", extra={"index": name, "reason": str(error)[:500]})

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening, say so, and begin to open the indexes."""
        await super().startup(sockets)
        for listener in sockets or ():
            self._announce(f"listening on {address(listener)}")
        self._opening.start()

    async def on_tick(self, counter: int) -> bool:
        """Look, ten times a second, whether it is time to stop."""
        return await super().on_tick(counter) or self._opening.error is not None

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to `run_on`: uvicorn's own way raises them again before engines are closed."""
        yield
