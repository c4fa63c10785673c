"""How long work tells how far it is, without knowing who listens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

Report = Callable[[int], None]
"""Called with how much is done so far, in the unit of the phase's total."""


class Progress(Protocol):
    """Shows phases of work; the command line draws bars, a library call shows nothing."""

    def phase(self, name: str, total: int | None, unit: str, /) -> AbstractContextManager[Report]:
        """Start a phase; `total` is None where it is not known. Leaving the context ends it."""
        ...

    def note(self, message: str, /) -> None:
        """Say one thing that a person should know, such as a warning about the corpus."""
        ...


class Quiet:
    """Shows nothing."""

    @contextmanager
    def phase(self, name: str, total: int | None, unit: str, /) -> Iterator[Report]:
        """Do nothing."""
        yield lambda done: None

    def note(self, message: str, /) -> None:
        """Say nothing."""
