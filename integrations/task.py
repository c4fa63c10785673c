"""Task: one question to an index, asked from a thread or from an event loop."""

from __future__ import annotations

from typing import Protocol, TypeVar

R = TypeVar("R", covariant=True)


class Task(Protocol[R]):
    """Work that is described and not yet done."""

    def run(self) -> R:
        """Do it on this thread."""
        ...

    async def arun(self) -> R:
        """Do it without blocking the event loop."""
        ...
