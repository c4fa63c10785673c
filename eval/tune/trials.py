"""Trials: settings and what they were worth; a file remembers them, so that nothing is worked out twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

from tamis.rankers.config import PipelineConfig


@dataclass(frozen=True, slots=True)
class Worth:
    """What a pipeline was found to be worth on the training queries."""

    fit: float
    """Mean of the measure over the queries that are fitted: what the search sees."""
    mean: float
    """Mean over all training queries: what pictures show."""
    p95_ms: float
    """An estimate, which steers the search; what is stated later is measured."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One pipeline that the search tried."""

    config: PipelineConfig
    worth: Worth


Evaluate = Callable[[PipelineConfig], Worth]


class Remembered:
    """Works out what pipelines are worth, and keeps it in a file: after a kill the same search goes on from there."""

    def __init__(self, path: Path, key: str, evaluate: Evaluate) -> None:
        """Read what is known.

        Args:
            path: file of what is known; made where there is none.
            key: fingerprint of everything that decides a pipeline's worth; a file with another key is begun anew.
            evaluate: works out what is not known.
        """
        self._path = path
        self._evaluate = evaluate
        self._known = dict(_read(path, key))
        if not self._known:
            path.write_bytes(orjson.dumps({"key": key}, option=orjson.OPT_APPEND_NEWLINE))

    def __len__(self) -> int:
        return len(self._known)

    def __call__(self, config: PipelineConfig) -> Worth:
        """Return what a pipeline is worth."""
        settings = _settings(config)
        if settings not in self._known:
            worth = self._known[settings] = self._evaluate(config)
            with self._path.open("ab") as file:
                line = [settings.decode(), worth.fit, worth.mean, worth.p95_ms]
                file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
        return self._known[settings]


def _settings(config: PipelineConfig) -> bytes:
    return orjson.dumps(config.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)


def _read(path: Path, key: str) -> Iterator[tuple[bytes, Worth]]:
    """Read what an interrupted search had found; a line that was cut off ends it, and is cut off the file."""
    if not path.is_file():
        return
    whole = 0
    with path.open("rb") as file:
        try:
            if orjson.loads(file.readline()) != {"key": key}:
                return
            whole = file.tell()
            for line in file:
                settings, fit, mean, p95_ms = orjson.loads(line)
                if not line.endswith(b"\n"):
                    break
                whole += len(line)
                yield settings.encode(), Worth(fit, mean, p95_ms)
        except (ValueError, TypeError, AttributeError):  # ValueError: no JSON, or too few values
            pass
    with path.open("r+b") as file:
        file.truncate(whole)
