"""Log writer: a thread of its own writes the log, so that whoever reads it slowly, or not at all, holds nobody up."""

from __future__ import annotations

import copy
import logging
import queue
import threading
from collections.abc import Callable
from logging.handlers import QueueHandler

WAITING = 1_000
"""Lines that may wait to be written. Those beyond are lost, and their number is logged as soon as there is room."""

CLOSING_SECONDS = 2.0
"""How long the last lines may take to be written."""


class LogWriter(QueueHandler):
    """Lets records wait, and a thread write them; no lock that others need is held while it writes."""

    def __init__(self, formatter: logging.Formatter, write: Callable[[str], object]) -> None:
        """Write lines of `formatter` with `write`, which may block."""
        self._waiting: queue.Queue[logging.LogRecord | threading.Event | None] = queue.Queue(WAITING)
        super().__init__(self._waiting)
        self.setFormatter(formatter)
        self._write = write
        self._lost = 0
        self._thread = threading.Thread(target=self._write_all, name="tamis-log", daemon=True)
        self._thread.start()

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """Copy it, since other handlers may change it before it is formatted; it stays in this process."""
        return copy.copy(record)

    def enqueue(self, record: logging.LogRecord) -> None:
        """Let a record wait to be written; lose it where too many wait."""
        try:
            self._waiting.put_nowait(record)
        except queue.Full:
            self._lost += 1

    def _write_all(self) -> None:
        while (found := self._waiting.get()) is not None:
            if isinstance(found, threading.Event):
                found.set()
                continue
            self._write_one(found)
            if self._lost:
                lost, self._lost = self._lost, 0
                said = {"name": __name__, "levelno": logging.WARNING, "levelname": "WARNING", "lines": lost}
                self._write_one(logging.makeLogRecord({**said, "msg": "log lines lost: nobody read them in time"}))

    def _write_one(self, record: logging.LogRecord) -> None:
        try:
            self._write(self.format(record) + "\n")
        except Exception:
            self.handleError(record)

    def flush(self) -> None:
        """Return once what waits is written, or after a while: perhaps nobody reads."""
        written = threading.Event()
        if self._put(written):
            written.wait(CLOSING_SECONDS)

    def close(self) -> None:
        """Write what waits, as far as it can be written soon, and end the thread."""
        if self._put(None):
            self._thread.join(CLOSING_SECONDS)
        super().close()

    def _put(self, last: threading.Event | None) -> bool:
        if not self._thread.is_alive():
            return False
        try:
            self._waiting.put(last, timeout=CLOSING_SECONDS)
        except queue.Full:
            return False  # nobody reads: the thread ends with the process
        return True
