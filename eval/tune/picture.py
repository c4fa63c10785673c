"""The picture of a tuning: what was tried, what no other beats, what was asked for and what was chosen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from tamis.rankers.config import PipelineConfig

from ..figure_style import GRID, INK, MARKERS, MUTED, SERIES, WIDE, new_figure, style
from ..significance import bootstrap_interval
from .choose import Measured, undominated
from .trials import Trial


@style()
def pareto(
    trials: Sequence[Trial],
    measured: Sequence[Measured],
    default: PipelineConfig,
    tuned: PipelineConfig,
    target_ms: float,
    measure: str,
) -> Figure:
    """Draw effectiveness on the training queries against p95 latency.

    Args:
        trials: what the search tried; latencies are estimates.
        measured: what was measured, with 95 % bootstrap intervals and the range of the rounds.
        default: the pipeline that is tuned, one of the measured.
        tuned: the chosen one, one of the measured.
        target_ms: the p95 that was asked for.
        measure: name of the measure.
    """
    figure, axes = new_figure(WIDE, 5.2)
    estimates = _scaled(trials, measured, default)
    axes.scatter(
        estimates, [trial.worth.mean for trial in trials], s=14, color=MUTED, alpha=0.45, linewidths=0,
        label="tried (latency estimated)",
    )  # fmt: skip
    _front(axes, measured)
    others = [one for one in measured if one.config not in (default, tuned)]
    _points(axes, others, 0, "measured")
    _points(axes, [one for one in measured if one.config == default], 1, "default")
    if tuned != default:
        _points(axes, [one for one in measured if one.config == tuned], 2, "tuned")
    spread = [one.latency.low_ms for one in measured] + [one.latency.high_ms for one in measured]
    _target(axes, target_ms, spread + estimates)
    axes.set_xlabel("p95 latency of queries asked one at a time, ms")
    axes.set_ylabel(f"{measure} on the training queries")
    figure.legend(loc="outside lower center", ncols=5)
    return figure


def _scaled(trials: Sequence[Trial], measured: Sequence[Measured], default: PipelineConfig) -> list[float]:
    """Scale estimates once more to what the default's real p95 was when the candidates were measured."""
    estimate = next((trial.worth.p95_ms for trial in trials if trial.config == default), None)
    real = next((one.latency.p95_ms for one in measured if one.config == default), None)
    scale = real / estimate if real and estimate else 1.0
    return [trial.worth.p95_ms * scale for trial in trials]


def _front(axes: Axes, measured: Sequence[Measured]) -> None:
    points = [(float(one.values.mean()), one.latency.p95_ms) for one in measured]
    front = [points[place] for place in undominated(points)][::-1]
    axes.plot(
        [cost for _, cost in front], [worth for worth, _ in front], color=SERIES[0], drawstyle="steps-post", zorder=1.5,
        label="front",
    )  # fmt: skip


def _points(axes: Axes, measured: Sequence[Measured], place: int, label: str) -> None:
    if not measured:
        return
    means = np.array([one.values.mean() for one in measured])
    intervals = [bootstrap_interval(one.values) for one in measured]
    p95 = np.array([one.latency.p95_ms for one in measured])
    axes.errorbar(
        p95, means,
        xerr=[p95 - [one.latency.low_ms for one in measured], [one.latency.high_ms for one in measured] - p95],
        yerr=[means - [one.low for one in intervals], [one.high for one in intervals] - means],
        fmt=MARKERS[place], color=SERIES[place], ecolor=(SERIES[place], 0.8 if place else 0.3), elinewidth=0.9,
        label=label, zorder=3 + place,
    )  # fmt: skip


def _target(axes: Axes, target_ms: float, latencies: Sequence[float]) -> None:
    """Draw the target and set the scale; one far off is named at the edge, so that the points keep their room."""
    axes.set_xscale("log")
    least, most = min(latencies) / 1.15, max(latencies) * 1.15
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if most > 10 * least else (1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9)))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.xaxis.set_minor_locator(NullLocator())
    if most < target_ms / 4:
        axes.set_xlim(least, most)
        place, align, text = most, "right", f"target {target_ms:g} ms \N{RIGHTWARDS ARROW}"
    else:
        axes.set_xlim(min(least, target_ms / 1.15), max(most, target_ms * 1.15))
        axes.axvspan(target_ms, axes.get_xlim()[1], color=GRID, alpha=0.45, zorder=0, linewidth=0)
        axes.axvline(target_ms, color=INK, linestyle="--", linewidth=1.2)
        place, align, text = target_ms, "right", f"target {target_ms:g} ms "
    axes.text(place, 1.01, text, transform=axes.get_xaxis_transform(), ha=align, va="bottom", color=INK)
