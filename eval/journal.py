"""Journal: what an evaluation has finished, query by query, so that an interrupted one goes on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt
import orjson

from tamis.errors import InvalidInput

from .cost import Cost
from .relevant import Places

FORMAT = 2
"""Version of the lines; a file of another version is begun anew."""


@dataclass(frozen=True, slots=True)
class Finished:
    """One query's ranking, and what is known of it."""

    ids: list[str]
    scores: npt.NDArray[np.float32]
    places: Places = field(default_factory=dict)
    cost: Cost = field(default_factory=Cost)


class Journal:
    """A file of finished queries, appended to batch by batch; `with` closes it."""

    def __init__(self, path: Path, key: str) -> None:
        """Open a file and read what it holds; a line that was cut off is dropped.

        Args:
            path: of the file; made where there is none.
            key: fingerprint of everything that decides a ranking; a file with another key is begun anew.

        Raises:
            InvalidInput: it cannot be written.
        """
        try:
            path.touch()
            self._file = path.open("r+b")
        except OSError as error:
            raise InvalidInput(f"{path} cannot be written: {error.strerror}; name another --out") from None
        self.done: dict[str, Finished] = {}
        head = orjson.dumps({"format": FORMAT, "key": key}, option=orjson.OPT_APPEND_NEWLINE)
        whole = self._read(head)
        self._file.seek(whole)
        self._file.truncate()
        if not whole:
            self._file.write(head)

    def _read(self, head: bytes) -> int:
        """Read lines until one is not whole; return the bytes up to there."""
        whole = 0
        for line in self._file:
            if not line.endswith(b"\n") or (not whole and line != head):
                break
            if whole:
                try:
                    query, ids, scores, places, cost = orjson.loads(line)
                    self.done[query] = Finished(ids, np.array(scores, np.float32), places, Cost(*cost))
                except (orjson.JSONDecodeError, TypeError, ValueError):
                    break
            whole += len(line)
        return whole

    def add(self, found: Iterable[tuple[str, Finished]]) -> None:
        """Append finished queries by their ids, those that are not there yet."""
        option = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE
        for query, one in found:
            if query not in self.done:
                self.done[query] = one
                cost = (one.cost.passages, one.cost.tokens, one.cost.cpu_seconds)
                self._file.write(orjson.dumps([query, one.ids, one.scores, one.places, cost], option=option))
        self._file.flush()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
