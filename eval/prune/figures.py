"""The pictures: quality against the pruned share, the share of relevant passages kept, and ROC curves of estimators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, MultipleLocator

from tamis.files import whole
from tamis.indexer.certificate import PairedTest, Step

from ..figure_style import MUTED, SURFACE, label, look, new_figure, style, to_svg
from ..significance import LEVEL
from .separate import Separation, curve


@style()
def quality_figure(steps: Sequence[Step], measure: str) -> Figure:
    """Draw the change of one measure by share, a panel for each pipeline, with 95 % bands and the margin.

    A hollow marker stands for a share at which the test failed.

    Args:
        steps: of a proof, rising.
        measure: one of theirs.
    """
    pipelines = list(dict.fromkeys(test.pipeline for test in steps[0].tests))
    figure, first = new_figure(1.2 + 2.3 * len(pipelines), 3.4)
    first.remove()
    panels = figure.subplots(1, len(pipelines), sharey=True, squeeze=False)[0]
    for place, (axes, pipeline) in enumerate(zip(panels, pipelines, strict=True)):
        tests = [t for step in steps for t in step.tests if (t.pipeline, t.measure) == (pipeline, measure)]
        _panel(axes, [step.share for step in steps], tests, *look(place))
        axes.set_title(label(pipeline))
    panels[0].set_ylabel(f"{measure}, change")
    panels[0].legend(loc="upper left")
    return figure


def _panel(axes: Axes, tested: Sequence[float], tests: Sequence[PairedTest], colour: str, marker: str) -> None:
    shares = [0.0, *tested]
    change = [0.0, *((test.pruned - test.whole) / test.whole for test in tests)]
    low = [0.0, *(test.interval[0] / test.whole for test in tests)]
    high = [0.0, *(test.interval[1] / test.whole for test in tests)]
    axes.fill_between(shares, low, high, color=colour, alpha=0.18, linewidth=0)
    axes.plot(shares, change, color=colour)
    failed = [False, *(test.p_non_inferiority >= LEVEL for test in tests)]
    for is_failed, fill in ((False, colour), (True, SURFACE)):
        chosen = [place for place, one in enumerate(failed) if one == is_failed]
        axes.plot([shares[n] for n in chosen], [change[n] for n in chosen], marker, color=colour, markerfacecolor=fill)
    axes.axhline(-tests[0].margin / tests[0].whole, color=MUTED, linestyle="--", label="margin")
    _shares(axes, tested)
    axes.yaxis.set_major_formatter("{x:+.0%}")


@style()
def kept_figure(steps: Sequence[Step]) -> Figure:
    """Draw the share of relevant passages that stay, beside what chance would keep."""
    figure, axes = new_figure(7.0, 4.0)
    shares = [0.0, *(step.share for step in steps)]
    colour, marker = look(0)
    axes.plot(shares, [1.0, *(step.relevant_kept for step in steps)], color=colour, marker=marker, label="estimator")
    axes.plot(shares, [1 - share for share in shares], color=MUTED, linestyle="--", label="chance")
    _percent(axes, "relevant passages kept", shares[1:])
    return figure


@style()
def roc_figure(found: Sequence[Separation], good: int) -> Figure:
    """Draw the ROC curve of each estimator, with its area.

    Args:
        found: estimators, scored on the same passages.
        good: how many of these are good; they come first.
    """
    figure, axes = new_figure(5.2, 5.0)
    for place, one in enumerate(found):
        false, true = curve(one.scores[:good], one.scores[good:])
        colour, _ = look(place)
        dash = ("-", "--", "-.", ":")[place % 4]
        axes.plot(false, true, color=colour, linestyle=dash, label=f"{label(one.estimator)}, area {one.area:.3f}")
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, label="chance, area 0.500")
    axes.set_aspect("equal")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.xaxis.set_major_formatter("{x:.0%}")
    axes.yaxis.set_major_formatter("{x:.0%}")
    axes.set_xlabel("passages without an answer that score as high")
    axes.set_ylabel("passages with an answer")
    axes.legend(loc="lower right")
    return figure


@style()
def estimators_figure(found: Sequence[Separation]) -> Figure:
    """Draw the share of relevant passages that each estimator keeps, by the share of the index that is pruned."""
    figure, axes = new_figure(7.0, 4.0)
    for place, one in enumerate(found):
        colour, marker = look(place)
        shares = [0.0, *one.kept]
        axes.plot(shares, [1.0, *one.kept.values()], color=colour, marker=marker, label=label(one.estimator))
    shares = [0.0, *found[0].kept]
    axes.plot(shares, [1 - share for share in shares], color=MUTED, linestyle="--", label="chance")
    _percent(axes, "relevant passages kept", shares[1:])
    return figure


def _percent(axes: Axes, what: str, tested: Sequence[float]) -> None:
    _shares(axes, tested)
    axes.yaxis.set_major_formatter("{x:.0%}")
    axes.yaxis.set_major_locator(MaxNLocator(steps=[1, 2, 5, 10]))
    axes.set_ylabel(what)
    axes.legend()


def _shares(axes: Axes, tested: Sequence[float]) -> None:
    """Mark the axis of shares at whole steps of 5 or 10 %."""
    axes.set_xlim(0, max(tested) * 1.03)
    axes.xaxis.set_major_locator(MultipleLocator(0.05 if max(tested) <= 0.3 else 0.1))
    axes.xaxis.set_major_formatter("{x:.0%}")
    axes.set_xlabel("passages pruned")


def write_figures(steps: Sequence[Step], folder: Path) -> list[Path]:
    """Write all pictures of a proof as SVG; return their paths."""
    pictures = {"relevant-kept": (kept_figure(steps), "Share of relevant passages kept, by share pruned")}
    for measure in dict.fromkeys(test.measure for test in steps[0].tests):
        name = "".join(sign if sign.isalnum() else "-" for sign in measure.lower())
        pictures[f"quality-{name}"] = (quality_figure(steps, measure), f"Change of {measure}, by share pruned")
    return _write(pictures, folder)


def write_comparison(found: Sequence[Separation], good: int, folder: Path) -> list[Path]:
    """Write all pictures of a comparison of estimators as SVG; return their paths."""
    return _write(
        {
            "roc": (roc_figure(found, good), "ROC curves of the estimators"),
            "kept-by-estimator": (estimators_figure(found), "Share of relevant passages kept, by estimator"),
        },
        folder,
    )


def _write(pictures: Mapping[str, tuple[Figure, str]], folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, (figure, alt) in pictures.items():
        path = folder / f"{name}.svg"
        with whole(path) as temporary:
            temporary.write_text(to_svg(figure, name, alt), encoding="utf-8")
        paths.append(path)
    return paths
