"""What the command line writes: results on stdout, everything else on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import orjson
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress
from rich.text import Text

from tamis.indexer.progress import Report

stdout = Console()
stderr = Console(stderr=True)


def say(message: str) -> None:
    """Tell a person something, on stderr."""
    stderr.print(message, markup=False, highlight=False, soft_wrap=True)


def print_json(value: object) -> None:
    """Write a result for programs: indented JSON on stdout."""
    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    sys.stdout.buffer.flush()


class _Rate(ProgressColumn):
    """Units a second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f} {task.fields['unit']}/s", style="progress.data.speed")


class Bars:
    """Progress bars on a terminal; elsewhere one line as each phase ends."""

    def __init__(self) -> None:
        self._live = stderr.is_terminal

    @contextmanager
    def phase(self, name: str, total: int | None, unit: str, /) -> Iterator[Report]:
        """Show a phase until the context is left."""
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description:<8}"),
            BarColumn(),
            MofNCompleteColumn(),
            _Rate(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        with RichProgress(*columns, console=stderr, disable=not self._live) as bars:
            task = bars.add_task(name, total=total, unit=unit)
            yield lambda done: bars.update(task, completed=done)
            bars.update(task, completed=bars.tasks[0].completed if total is None else total)
            took = bars.tasks[0].elapsed or 0.0
        if not self._live:
            amount = f" {total:,} {unit}" if total is not None else ""
            say(f"{name:<8}{amount} in {took:.1f} s")

    def note(self, message: str, /) -> None:
        """Show a warning."""
        say(f"note: {message}")
