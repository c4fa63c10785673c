"""The pictures of a proof: quality against the pruned share, and the share of relevant passages kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from tamis.files import whole
from tamis.indexer.certificate import Step

from ..figure_style import MUTED, look, new_figure, style, to_svg


@style()
def quality_figure(steps: Sequence[Step], measure: str) -> Figure:
    """Draw the change of one measure by share and pipeline, with 95 % bands and the margin.

    Args:
        steps: of a proof, rising.
        measure: one of theirs.
    """
    figure, axes = new_figure(7.0, 4.0)
    shares = [0.0, *(step.share for step in steps)]
    for place, pipeline in enumerate(dict.fromkeys(test.pipeline for test in steps[0].tests)):
        tests = [t for step in steps for t in step.tests if (t.pipeline, t.measure) == (pipeline, measure)]
        colour, marker = look(place)
        relative = [0.0, *((test.pruned - test.whole) / test.whole for test in tests)]
        low = [0.0, *(test.interval[0] / test.whole for test in tests)]
        high = [0.0, *(test.interval[1] / test.whole for test in tests)]
        axes.plot(shares, relative, color=colour, marker=marker, label=pipeline)
        axes.fill_between(shares, low, high, color=colour, alpha=0.15, linewidth=0)
        margin = tests[0].margin / tests[0].whole
    axes.axhline(-margin, color=MUTED, linestyle="--", label="margin")
    axes.xaxis.set_major_formatter("{x:.0%}")
    axes.yaxis.set_major_formatter("{x:+.0%}")
    axes.set_xlabel("passages pruned")
    axes.set_ylabel(f"{measure}, change")
    axes.legend()
    return figure


@style()
def kept_figure(steps: Sequence[Step]) -> Figure:
    """Draw the share of relevant passages that stay, beside what chance would keep."""
    figure, axes = new_figure(7.0, 4.0)
    shares = [0.0, *(step.share for step in steps)]
    colour, marker = look(0)
    axes.plot(shares, [1.0, *(step.relevant_kept for step in steps)], color=colour, marker=marker, label="estimator")
    axes.plot(shares, [1 - share for share in shares], color=MUTED, linestyle="--", label="chance")
    axes.xaxis.set_major_formatter("{x:.0%}")
    axes.yaxis.set_major_formatter("{x:.0%}")
    axes.set_xlabel("passages pruned")
    axes.set_ylabel("relevant passages kept")
    axes.legend()
    return figure


def write_figures(steps: Sequence[Step], folder: Path) -> list[Path]:
    """Write all pictures of a proof as SVG; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = {"relevant-kept": (kept_figure(steps), "Share of relevant passages kept, by share pruned")}
    for measure in dict.fromkeys(test.measure for test in steps[0].tests):
        name = "".join(sign if sign.isalnum() else "-" for sign in measure.lower())
        pictures[f"quality-{name}"] = (quality_figure(steps, measure), f"Change of {measure}, by share pruned")
    paths = []
    for name, (figure, alt) in pictures.items():
        path = folder / f"{name}.svg"
        with whole(path) as temporary:
            temporary.write_text(to_svg(figure, name, alt), encoding="utf-8")
        paths.append(path)
    return paths
