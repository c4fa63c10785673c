"""The pictures of a report, each from plain data: effectiveness against latency, per-query deltas, lost passages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, PercentFormatter

from tamis.eval.figure_style import (
    GRID,
    INK,
    MUTED,
    NARROW,
    SERIES,
    SURFACE,
    WIDE,
    label,
    look,
    new_figure,
    style,
    title,
)

from .labels import Line, Spot, place_labels

WIN, LOSS = SERIES[0], SERIES[1]
SHADES = ("#0b6aa8", "#7fb5dd", "#f0c987", "#e08a35", "#b4470f", "#66707b")
"""Colours of parts of a whole, from the best to the worst; the same by day and by night."""
BARS = 300
"""Bars that a page can show apart; more queries are drawn as means of neighbours."""
CLOSE = 100
"""Bars from which on they touch."""


@dataclass(frozen=True, slots=True)
class Point:
    """A system as the pictures need it."""

    name: str
    mean: float
    low: float
    high: float
    """95 % interval of the mean."""
    ms: float | None = None
    """Median latency; None: not measured."""
    ms_p95: float | None = None

    @property
    def told(self) -> str:
        """Say the same in words."""
        text = f"{self.name}: {self.mean:.4f} [{self.low:.4f}, {self.high:.4f}]"
        return text if self.ms is None else f"{text} in {self.ms:.1f} ms (p95 {self.ms_p95 or self.ms:.1f})"


@dataclass(frozen=True, slots=True)
class Part:
    """A part of each system's whole."""

    name: str
    counts: Sequence[int]
    """One for each system."""
    shade: int
    """Which of `SHADES`: 0 is the best."""


def pareto(points: Sequence[Point]) -> list[Point]:
    """Return the points that no faster or equally fast one matches in effectiveness, fastest first."""
    front: list[Point] = []
    timed = [(point.ms, -point.mean, place) for place, point in enumerate(points) if point.ms is not None]
    for _, _, place in sorted(timed):
        if not front or points[place].mean > front[-1].mean:
            front.append(points[place])
    return front


@style()
def frontier(points: Sequence[Point], measure: str, narrow: bool = False) -> Figure:
    """Draw effectiveness against median latency, the Pareto line, and whiskers up to p95.

    Systems without a latency are dashed lines at their effectiveness.

    Args:
        points: one for each system; at least one has a latency.
        measure: what `mean` is of.
        narrow: for a telephone.
    """
    figure, axes = new_figure(*((NARROW, 3.8) if narrow else (WIDE, 4.4)))
    timed = [point for point in points if point.ms is not None]
    _scale_latency(axes, timed)
    _scale_effectiveness(axes, points, measure)
    right = axes.get_xlim()[1]
    front = pareto(points)
    ms = [point.ms or 0.0 for point in front]
    axes.plot(
        [*ms, right], [*(point.mean for point in front), front[-1].mean], drawstyle="steps-post", color=MUTED,
        linestyle=(0, (5, 2)), linewidth=1.1, zorder=1, label="best for the time (Pareto)",
    )  # fmt: skip
    for place, point in enumerate(points):
        _mark(axes, point, *look(place))
    axes.legend(loc="lower right", labelcolor=INK)
    _name_points(figure, axes, points)
    return figure


def _name_points(figure: Figure, axes: Axes, points: Sequence[Point]) -> None:
    left, right = axes.get_xlim()
    spots = [
        Spot(right if point.ms is None else point.ms, point.mean, point.name, look(place)[0])
        for place, point in enumerate(points)
    ]
    lines = [Line(point.ms, point.low, point.ms, point.high) for point in points if point.ms is not None]
    lines += [
        Line(left, point.mean, right, point.mean)
        if point.ms is None
        else Line(point.ms, point.mean, point.ms_p95 or point.ms, point.mean)
        for point in points
    ]
    place_labels(figure, axes, spots, lines)


def _scale_latency(axes: Axes, timed: Sequence[Point]) -> None:
    shortest = min(point.ms or 0.0 for point in timed)
    longest = max(max(point.ms or 0.0, point.ms_p95 or 0.0) for point in timed)
    if shortest > 0 and longest / shortest > 8:
        axes.set_xscale("log")
        axes.set_xlim(shortest / 1.6, longest * 1.9)
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    else:
        axes.set_xlim(0, max(longest, 1e-3) * 1.25)
    axes.set_xlabel("milliseconds a query: median, whisker to p95")


def _scale_effectiveness(axes: Axes, points: Sequence[Point], measure: str) -> None:
    low, high = min(point.low for point in points), max(point.high for point in points)
    room = 0.08 * (high - low) or 0.01
    axes.set_ylim(low - room, high + room)
    axes.set_ylabel(label(f"mean {measure}, 95 % interval"))


def _mark(axes: Axes, point: Point, colour: str, marker: str) -> None:
    if point.ms is None:
        line = axes.axhline(point.mean, color=colour, linestyle=(0, (1, 2)), linewidth=1.4)
        line.set_gid(title(f"{point.told}, latency not measured"))
        return
    axes.plot([point.ms, point.ms], [point.low, point.high], color=colour, linewidth=1.4)
    axes.plot([point.ms, point.ms_p95 or point.ms], [point.mean, point.mean], color=colour, linewidth=1.4)
    (mark,) = axes.plot([point.ms], [point.mean], marker, color=colour, markeredgecolor=SURFACE, zorder=3)
    mark.set_gid(title(point.told))


@style()
def intervals(points: Sequence[Point], measure: str, narrow: bool = False) -> Figure:
    """Draw each system's mean with its 95 % interval, one below the other."""
    figure, axes = new_figure(NARROW if narrow else WIDE, 0.9 + 0.5 * len(points))
    for place, point in enumerate(points):
        colour, marker = look(place)
        axes.plot([point.low, point.high], [place, place], color=colour)
        (mark,) = axes.plot([point.mean], [place], marker, color=colour, markeredgecolor=SURFACE)
        mark.set_gid(title(point.told))
    _name_rows(axes, [point.name for point in points], offset=0.2)
    axes.set_xlabel(label(f"mean {measure}, 95 % interval"))
    return figure


@style()
def deltas(
    values: Sequence[tuple[str, float]], measure: str, system: str, baseline: str, narrow: bool = False
) -> Figure:
    """Draw each query's difference as a bar, from the most won to the most lost.

    Args:
        values: query ids and differences, system minus baseline.
        measure: what differs.
        system: the one that wins where bars go up.
        baseline: the one that it is held against.
        narrow: for a telephone.
    """
    figure, axes = new_figure(*((NARROW, 2.8) if narrow else (WIDE, 3.1)))
    ordered = sorted(values, key=lambda found: (-found[1], found[0]))
    each = -(-len(ordered) // BARS)
    groups = [ordered[start : start + each] for start in range(0, len(ordered), each)]
    means = [float(np.mean([value for _, value in group])) for group in groups]
    sizes = np.array([len(group) for group in groups])
    edges = np.concatenate([[0], np.cumsum(sizes)])
    gap = 0.07 if len(ordered) < CLOSE else 0.0
    for place, (group, mean) in enumerate(zip(groups, means, strict=True)):
        if mean != 0:
            width = sizes[place] * (1 - 2 * gap)
            bar = Rectangle((edges[place] + sizes[place] * gap, 0), width, mean, color=WIN if mean > 0 else LOSS)
            bar.set(gid=title(_tell_group(group)), linewidth=0, in_layout=False)
            axes.add_artist(bar)  # not `add_patch`, which works out the limits again for each
            bar.set_clip_path(None)
    if len(ordered) >= CLOSE:  # behind bars that touch, so that no seams show between them
        axes.stairs(np.maximum(means, 0), edges, fill=True, color=WIN, zorder=0.9)
        axes.stairs(np.minimum(means, 0), edges, fill=True, color=LOSS, zorder=0.9)
    axes.axhline(0, color=MUTED, linewidth=0.8)
    axes.grid(visible=False, axis="x")
    axes.set_xlim(-0.01 * len(ordered), 1.01 * len(ordered))
    low, high = min(*means, 0), max(*means, 0)
    room = 0.05 * (high - low) or 1.0
    axes.set_ylim(low - room, high + room)
    axes.set_xlabel("queries, from the most won to the most lost")
    axes.set_ylabel(label(f"difference in {measure}"))
    wins, losses = sum(value > 0 for _, value in ordered), sum(value < 0 for _, value in ordered)
    over: dict[str, Any] = {"transform": axes.transAxes, "bbox": {"facecolor": SURFACE, "edgecolor": "none", "pad": 2}}
    axes.text(0.99, 0.97, f"{label(system)} wins {wins:,}", ha="right", va="top", **over)
    axes.text(0.02, 0.04, f"{label(baseline)} wins {losses:,}", ha="left", va="bottom", **over)
    return figure


def _tell_group(group: Sequence[tuple[str, float]]) -> str:
    told = ", ".join(f"{query} {value:+.4f}" for query, value in group[:20])
    return told if len(group) <= 20 else f"{told} and {len(group) - 20} more"


@style()
def losses(systems: Sequence[str], parts: Sequence[Part], narrow: bool = False) -> Figure:
    """Draw what became of the relevant passages of each system, as bars of shares.

    Args:
        systems: names.
        parts: what became of them, from the best to the worst.
        narrow: for a telephone.
    """
    columns = 2 if narrow else 6
    legend = 0.24 * -(-len(parts) // columns)
    figure, axes = new_figure(NARROW if narrow else WIDE, 0.75 + legend + 0.62 * len(systems))
    totals = np.maximum(np.sum([part.counts for part in parts], axis=0), 1)
    left = np.zeros(len(systems))
    for part in parts:
        shares = np.array(part.counts) / totals
        bars = axes.barh(
            range(len(systems)), shares, left=left, height=0.5, color=SHADES[part.shade], edgecolor=SURFACE,
            label=label(part.name, 40),
        )  # fmt: skip
        for place, bar in enumerate(bars):
            told = f"{part.counts[place]:,} of {totals[place]:,} ({shares[place]:.1%})"
            bar.set_gid(title(f"{systems[place]}, {part.name}: {told}"))
            if shares[place] >= (0.09 if narrow else 0.035):
                _write_share(axes, left[place] + shares[place] / 2, place, shares[place], SHADES[part.shade])
        left += shares
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    _name_rows(axes, systems, offset=0.31)
    figure.legend(loc="outside upper left", ncols=columns, handlelength=1.0, columnspacing=1.2)
    return figure


def _write_share(axes: Axes, x: float, y: int, share: float, colour: str) -> None:
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    dark = 0.299 * red + 0.587 * green + 0.114 * blue < 140
    axes.text(x, y, f"{share:.0%}", ha="center", va="center", color="#fefefe" if dark else "#111111", fontsize=8)


def _name_rows(axes: Axes, names: Sequence[str], offset: float) -> None:
    """Write each row's name above it, where it takes no width from the bars; the first row is on top."""
    for place, name in enumerate(names):
        axes.text(0, place - offset, label(name, 44), transform=axes.get_yaxis_transform(), va="bottom", color=INK)
    axes.set_ylim(len(names) - 0.4, -0.75)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.grid(visible=False, axis="y")
    axes.grid(color=GRID, axis="x")
