"""Indexes: the registered names that requests may use, and the engines behind them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, MutableMapping
from pathlib import Path

from tamis.errors import InvalidInput
from tamis.rankers.engine import Engine

from .errors import RequestError

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def index_name(path: Path) -> str:
    """Make a registered name out of an index's folder: `/data/My Docs` gives `my-docs`."""
    name = re.sub(r"[^a-z0-9._-]+", "-", path.resolve().name.lower()).lstrip("._-")[:64].rstrip("-")
    return name or "index"


def check_name(name: str) -> str:
    """Return the name if it may be registered.

    Raises:
        InvalidInput: it does not fit the pattern.
    """
    if not NAME.fullmatch(name):
        raise InvalidInput(
            f"{name!r} cannot name an index: expected 1 to 64 of a-z, 0-9, '.', '_' and '-', beginning with a-z or 0-9"
        )
    return name


class Indexes:
    """Looks engines up by registered name. A name is a key in a mapping, never part of a path."""

    def __init__(self, engines: MutableMapping[str, Engine], expected: Collection[str] = ()) -> None:
        """Serve what is in `engines`, now and later; `expected` names what is still being opened."""
        self._engines = engines
        self.names = tuple(check_name(name) for name in dict.fromkeys([*engines, *expected]))

    def find(self, name: str | None) -> tuple[str, Engine]:
        """Return the name and engine that a request asks for; None: the only one there is.

        Raises:
            RequestError: 404 unknown, 400 ambiguous, 503 not open yet.
        """
        if name is None:
            if len(self.names) != 1:
                raise RequestError(400, "missing_field", f"name an index; served here: {self._known()}", "index")
            name = self.names[0]
        if name not in self.names:
            raise RequestError(404, "unknown_index", f"no index {name[:64]!r}; served here: {self._known()}", "index")
        engine = self._engines.get(name)
        if engine is None:
            raise RequestError(503, "not_ready", f"index {name!r} is still being opened; try again soon", "index")
        return name, engine

    def put(self, name: str, engine: Engine) -> None:
        """Serve an engine under a name that is registered."""
        self._engines[name] = engine

    def __iter__(self) -> Iterator[tuple[str, Engine | None]]:
        """Give every name with its engine, None where that is not open yet."""
        return ((name, self._engines.get(name)) for name in self.names)

    def _known(self) -> str:
        return ", ".join(self.names[:20]) + (", ..." if len(self.names) > 20 else "")
