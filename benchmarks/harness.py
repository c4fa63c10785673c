"""What every benchmark uses: fair timing, the machine's description, and the page of results."""

from __future__ import annotations

import os
import platform
import re
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tamis.machine import cores

PAGE = Path(__file__).parent / "RESULTS.md"

DATA = Path(os.environ.get("TAMIS_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
"""Judged collections, in BEIR layout; set TAMIS_DATA where they are elsewhere."""

WORK = Path(os.environ.get("TAMIS_BENCH", Path(__file__).resolve().parents[1] / "var" / "bench"))
"""Where benchmarks keep the indexes that they build."""


@dataclass(frozen=True, slots=True)
class Result:
    """One benchmark's outcome, as it stands on the page of results."""

    name: str
    title: str
    command: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    remarks: str = ""
    """What was asked, whether it was reached, and if not by how much and why."""


@dataclass(frozen=True, slots=True)
class Timed:
    """What a contender in another process did, and how long it took there by its own clock."""

    seconds: float
    cpu_seconds: float
    """Of all its threads."""
    value: Any


def machine() -> str:
    """Describe what the figures were taken on."""
    model = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "CPU"
    )
    memory = next((int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "faiss-cpu", "onnxruntime", "bm25s"))
    return f"{model}, {cores()} cores, {memory / 2**20:.0f} GiB; Python {platform.python_version()}; {packages}"


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def alternate(
    contenders: Mapping[str, Callable[[], object]], rounds: int = 5, warm_up: int = 1
) -> dict[str, list[float]]:
    """Time each contender once a round, in turns, so that the machine's moods fall on all alike.

    A contender that returns `Timed` has measured itself, and its own time counts.

    Returns:
        Seconds of each round, by contender.
    """
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(warm_up + rounds):
        for name, work in contenders.items():
            start = time.perf_counter()
            result = work()
            took = result.seconds if isinstance(result, Timed) else time.perf_counter() - start
            if number >= warm_up:
                seconds[name].append(took)
    return seconds


def median(values: Sequence[float]) -> float:
    """Return the middle value."""
    return statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` (0 to 1) of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def record(result: Result, page: Path = PAGE) -> None:
    """Put a result on the page, in place of the one of the same name."""
    text = page.read_text() if page.exists() else "# Results\n\nEach section: what was measured, on what, how.\n"
    section = _section(result)
    pattern = re.compile(rf"<!-- {result.name} -->.*?<!-- /{result.name} -->\n", re.DOTALL)
    known = pattern.search(text)
    page.write_text(pattern.sub(lambda _: section, text) if known else f"{text.rstrip()}\n\n{section}")


def _section(result: Result) -> str:
    lines = [f"<!-- {result.name} -->", f"## {result.title}", ""]
    lines.append("| " + " | ".join(result.header) + " |")
    lines.append("|" + "---|" * len(result.header))
    lines += ["| " + " | ".join(row) + " |" for row in result.rows]
    lines += ["", result.remarks, ""] if result.remarks else [""]
    lines.append(f"`{result.command}`, {datetime.now(UTC):%Y-%m-%d}, {machine()}")
    return "\n".join([*lines, f"<!-- /{result.name} -->", ""])
