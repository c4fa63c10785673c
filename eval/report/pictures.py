"""The pictures that a report needs, each drawn wide and narrow, with what it shows in words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from matplotlib.figure import Figure

from tamis.eval.figure_style import save, to_svg

from .data import Report, Versus
from .fates import BELOW, IN_TOP, LOST, NOBODY, TOP, cut_by
from .figures import BARS, Part, Point, deltas, frontier, intervals, losses, pareto
from .read import Evaluation

Draw = Callable[..., Figure]


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture by the name of its file."""

    name: str
    draw: Draw
    """Takes `narrow`."""
    alt: str
    """What it shows, in words."""
    caption: str

    def svg(self, prefix: str, narrow: bool) -> str:
        """Return it as an element of a page, with ids that begin with `prefix`."""
        return to_svg(self.draw(narrow=narrow), prefix, self.alt)

    def save(self, folder: Path) -> None:
        """Write it as SVG and PNG into a folder."""
        figure = self.draw(narrow=False)
        for suffix in ("svg", "png"):
            save(figure, folder / f"{self.name}.{suffix}")


def points(report: Report) -> list[Point]:
    """Return the systems as points by the report's measure."""
    return [_point(one, report.measure) for one in report.evaluations]


def _point(evaluation: Evaluation, measure: str) -> Point:
    summary = evaluation.summary.measures[measure]
    total = evaluation.summary.latency_ms.get("total", {})
    return Point(evaluation.name, summary.mean, *summary.interval_95, total.get("p50"), total.get("p95"))


def effectiveness(report: Report) -> Picture:
    """Draw effectiveness against latency, or alone where no latency was measured."""
    found, measure = points(report), report.measure
    told = "; ".join(point.told for point in found)
    if all(point.ms is None for point in found):
        draw = partial(intervals, found, measure)
        caption = (
            f"Mean {measure} over {len(report.evaluations[0].metrics.queries):,} queries. No latency was measured."
        )
        return Picture("effectiveness", draw, f"Mean {measure} with 95 % intervals. {told}.", caption)
    front = ", ".join(point.name for point in pareto(found))
    caption = (
        f"Mean {measure} with 95 % bootstrap intervals against the latency of single queries: the mark is at the "
        "median, the whisker reaches to p95. No system on the dashed line is beaten by one that is as fast."
    )
    if any(point.ms is None for point in found):
        caption += " Dotted lines: latency not measured."
    return Picture(
        "frontier",
        partial(frontier, found, measure),
        f"{measure} against latency. {told}. Pareto front: {front}.",
        caption,
    )


def differences(report: Report) -> Iterator[Picture]:
    """Draw each system's differences from the baseline, query by query."""
    baseline = report.evaluations[0].name
    for number, versus in enumerate(report.versus, start=1):
        yield _difference(number, versus, baseline, report.measure)


def _difference(number: int, versus: Versus, baseline: str, measure: str) -> Picture:
    values = [(delta.query, delta.difference) for delta in versus.deltas]
    wins, lost = sum(value > 0 for _, value in values), sum(value < 0 for _, value in values)
    each = -(-len(values) // BARS)
    merged = f" Each bar is the mean of {each} neighbouring queries." if each > 1 else ""
    return Picture(
        f"deltas-{number}-{re.sub('[^A-Za-z0-9]+', '-', versus.system).strip('-')[:40]}",
        partial(deltas, values, measure, versus.system, baseline),
        f"Difference in {measure} of {versus.system} from {baseline}, query by query: {wins} queries won, "
        f"{len(values) - wins - lost} tied, {lost} lost; from {values[0][1]:+.4f} to {values[-1][1]:+.4f}.",
        f"Difference in {measure}, {versus.system} minus {baseline}. Point at a bar to read its query.{merged}",
    )


def lost_passages(report: Report) -> Picture:
    """Draw what became of the relevant passages."""
    systems = list(report.fates)
    parts = fate_parts(report)
    return Picture("losses", partial(losses, systems, parts), _tell(systems, parts), FATES_CAPTION)


def found_passages(report: Report) -> Picture:
    """Draw which retrievers found the relevant passages."""
    systems = list(report.fates)
    parts = finder_parts(report)
    caption = "The same passages by who found them in the first stage."
    return Picture("found-by", partial(losses, systems, parts), _tell(systems, parts), caption)


FATES_CAPTION = (
    "All passages judged relevant (1 or more), over all queries. "
    f"In the top {TOP}: within the first {TOP} ranks of the final ranking. "
    f"Ranked below {TOP}: in the final ranking, but further down (a query with more than {TOP} relevant passages "
    "always has some). Cut by a stage: in the list that it was given, not in the one it handed on. "
    "Not retrieved: no first-stage arm found it within its depth."
)


def fate_parts(report: Report) -> list[Part]:
    """Count the ends by system, from the best end to the worst; cuts that nobody made are left out."""
    cuts = {fate.end for fates in report.fates.values() for fate in fates} - {IN_TOP, BELOW, LOST}
    known = [cut_by(stage) for stage in ("rerank", "blend", "fused")]
    shades = {IN_TOP: 0, BELOW: 1, **{name: min(2 + n, 4) for n, name in enumerate(known)}, LOST: 5}
    order = [IN_TOP, BELOW, *(name for name in known if name in cuts), *sorted(cuts - set(known)), LOST]
    return [Part(end, _counts(report, "end", end), shades.get(end, 2)) for end in order]


def finder_parts(report: Report) -> list[Part]:
    """Count the finders by system, from those found by most arms to those found by none."""
    names = {fate.found_label for fates in report.fates.values() for fate in fates} - {NOBODY}
    order = [*sorted(names, key=lambda name: (-name.count(" and "), name)), NOBODY]
    return [
        Part(name, _counts(report, "found_label", name), 5 if name == NOBODY else min(place, 4))
        for place, name in enumerate(order)
    ]


def _counts(report: Report, field: str, value: str) -> list[int]:
    return [sum(n for fate, n in fates.items() if getattr(fate, field) == value) for fates in report.fates.values()]


def _tell(systems: Sequence[str], parts: Sequence[Part]) -> str:
    told = [
        f"{system}: " + ", ".join(f"{part.counts[place]:,} {part.name}" for part in parts)
        for place, system in enumerate(systems)
    ]
    return f"Relevant passages. {'; '.join(told)}."
