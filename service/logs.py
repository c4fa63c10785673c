"""Logs: one JSON object a line on stderr. Set up by `serve` alone: a library leaves logging to its host."""

from __future__ import annotations

import logging
import os
import traceback
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from . import access_log
from .config import ServiceConfig
from .log_writer import LogWriter

STDERR = 2


def configure_logs(config: ServiceConfig, stream: TextIO | None = None) -> LogWriter:
    """Send what Tamis and the server log to `stream`, else to stderr; closing what comes back writes the last lines."""
    processors: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        _WithoutMessages(config.log_error_messages),
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=processors,
        # Python's own json writes every character beyond ASCII, and every control character, as an escape.
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, structlog.processors.JSONRenderer()],
    )
    writer = LogWriter(formatter, stream.write if stream else _to_stderr)
    for name, level in (("tamis", logging.INFO), ("uvicorn", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers = [writer]
        logger.setLevel(level)
        logger.propagate = False
    logging.getLogger(access_log.__name__).setLevel(logging.INFO if config.log_requests else logging.WARNING)
    return writer


def _to_stderr(line: str) -> None:
    """Write without Python's own buffer: its lock, held while nobody reads, would keep the process from ending."""
    left = line.encode()
    while left:
        left = left[os.write(STDERR, left) :]


class _WithoutMessages:
    """Writes an error as its type and the places it went through: its message might quote a query."""

    def __init__(self, messages: bool) -> None:
        """Write messages all the same, if `messages` says so."""
        self._messages = messages

    def __call__(self, _: WrappedLogger, __: str, event: EventDict) -> EventDict:
        info = event.pop("exc_info", None)
        error = info[1] if isinstance(info, tuple) else info
        if isinstance(error, BaseException):
            event["error"] = type(error).__name__
            event["notes"] = getattr(error, "__notes__", [])
            frames = traceback.extract_tb(error.__traceback__)
            event["frames"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
            if self._messages:
                event["message"] = str(error)
        return event
