"""Log writer: a thread of its own writes the log, so that whoever reads it slowly, or not at all, holds nobody up."""

from __future__ import annotations

import copy
import logging
import queue
import threading
from collections.abc import Callable, Sequence
from logging.handlers import QueueHandler

WAITING = 1_000
"""Lines that may wait to be written. Those beyond are lost, and their number is logged as soon as there is room."""

GATHERING_SECONDS = 0.05
"""How long lines are gathered, to be written together: to wake for each takes the interpreter from searches."""

CLOSING_SECONDS = 2.0
"""How long the last lines may take to be written."""


class LogWriter(QueueHandler):
    """Lets records wait, and a thread write them; no lock that others need is held while it writes."""

    def __init__(self, formatter: logging.Formatter, write: Callable[[str], object]) -> None:
        """Write lines of `formatter` with `write`, which may block."""
        self._waiting: queue.Queue[logging.LogRecord | threading.Event | None] = queue.Queue()
        super().__init__(self._waiting)
        self.setFormatter(formatter)
        self._write = write
        self._counts = threading.Lock()
        self._unwritten = self._lost = 0
        self._hurry = threading.Event()
        self._thread = threading.Thread(target=self._write_all, name="tamis-log", daemon=True)
        self._thread.start()

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """Copy it, since other handlers may change it before it is formatted; it stays in this process."""
        return copy.copy(record)

    def enqueue(self, record: logging.LogRecord) -> None:
        """Let a record wait to be written; lose it where too many wait."""
        with self._counts:
            if self._unwritten > WAITING:  # one of them does not wait: it is being written
                self._lost += 1
                return
            self._unwritten += 1
        self._waiting.put(record)

    def _write_all(self) -> None:
        going = True
        while going:
            found = [self._waiting.get()]
            self._hurry.wait(GATHERING_SECONDS)
            self._hurry.clear()
            found += [self._waiting.get() for _ in range(self._waiting.qsize())]  # nobody else takes any
            records = [each for each in found if isinstance(each, logging.LogRecord)]
            with self._counts:
                lost, self._lost = self._lost, 0
            taken = len(records)
            if lost:
                said = {"name": __name__, "levelno": logging.WARNING, "levelname": "WARNING", "lines": lost}
                records.append(logging.makeLogRecord({**said, "msg": "log lines lost: nobody read them in time"}))
            if records:
                self._write_together(records)
            with self._counts:
                self._unwritten -= taken
            for each in found:
                if isinstance(each, threading.Event):
                    each.set()
            going = None not in found

    def _write_together(self, records: Sequence[logging.LogRecord]) -> None:
        lines = [self._line(record) for record in records]
        try:
            self._write("".join(lines))
        except Exception:
            self.handleError(records[-1])

    def _line(self, record: logging.LogRecord) -> str:
        """Format one record; one that cannot be formatted costs no other its line."""
        try:
            return f"{self.format(record)}\n"
        except Exception:
            self.handleError(record)
            return ""

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
        self._waiting.put(last)
        self._hurry.set()
        return True
