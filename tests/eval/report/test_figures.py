from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Annotation

from tamis.eval.figure_style import TITLE, to_svg
from tamis.eval.report.figures import BARS, Part, Point, deltas, frontier, intervals, losses, pareto

POINTS = [
    Point("full", 0.717, 0.675, 0.758, 12.3, 15.4),
    Point("without dense", 0.679, 0.634, 0.723, 1.8, 3.0),
    Point("without sparse", 0.645, 0.599, 0.689, 10.9, 12.5),
    Point("reranked", 0.700, 0.650, 0.740, 220.0, 300.0),
    Point("somebody's", 0.690, 0.650, 0.735),
]


def titles(figure: Figure) -> list[str]:
    """What a browser shows when pointed at the parts of a figure."""
    return re.findall(r"<title>(.*?)</title>", to_svg(figure, "a", ""))


def test_the_front_holds_what_nothing_as_fast_matches() -> None:
    assert [point.name for point in pareto(POINTS)] == ["without dense", "full"]
    twins = [Point(name, 0.5, 0.4, 0.6, 3.0) for name in ("first", "second")]
    assert [point.name for point in pareto(twins)] == ["first"]
    assert pareto(POINTS[4:]) == []


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12))
def test_the_front_is_that_of_comparing_all_pairs(found: list[tuple[int, int]]) -> None:
    points = [Point(str(n), mean, 0, 1, ms) for n, (mean, ms) in enumerate(found)]
    beaten = {
        (mean, ms)
        for mean, ms in found
        if any(
            other_ms <= ms and other >= mean and (other_ms, other) != (ms, mean) for other, other_ms in found
        )
    }  # fmt: skip
    assert {(point.mean, point.ms) for point in pareto(points)} == set(found) - beaten


@pytest.mark.parametrize("narrow", [False, True])
def test_the_frontier_shows_every_system_and_its_numbers(narrow: bool) -> None:
    figure = frontier(POINTS, "nDCG@10", narrow)
    axes = figure.axes[0]
    names = [text for text in axes.texts if isinstance(text, Annotation)]
    assert [text.get_text() for text in names] == [point.name for point in POINTS]
    boxes = [text.get_window_extent() for text in names]
    assert not any(one.overlaps(other) for n, one in enumerate(boxes) for other in boxes[:n])
    assert axes.get_xscale() == "log"
    told = " ".join(titles(figure))
    assert "full: 0.7170 [0.6750, 0.7580] in 12.3 ms (p95 15.4)" in told
    assert "somebody's: 0.6900 [0.6500, 0.7350], latency not measured" in told


def test_latencies_of_one_order_are_on_a_plain_scale_and_one_point_is_enough() -> None:
    assert frontier(POINTS[:1], "AP").axes[0].get_xscale() == "linear"
    assert frontier([Point("instant", 0.0, 0.0, 0.0, 0.0, 0.0)], "AP").axes[0].get_xlim()[1] > 0


def test_intervals_stand_one_below_the_other() -> None:
    axes = intervals(POINTS[:2], "AP").axes[0]
    spans = [tuple(map(float, line.get_xdata())) for line in axes.lines if len(np.asarray(line.get_xdata())) == 2]  # type: ignore[arg-type]
    assert spans == [(0.675, 0.758), (0.634, 0.723)]


def bars(figure: Figure) -> list[Rectangle]:
    """The bars of a figure, from left to right."""
    found = [child for child in figure.axes[0].get_children() if isinstance(child, Rectangle) and child.get_gid()]
    return sorted(found, key=lambda bar: bar.get_x())


def test_deltas_go_from_the_most_won_to_the_most_lost() -> None:
    figure = deltas([("q1", -0.2), ("q2", 0.5), ("q3", 0.0), ("q4", -0.7)], "AP", "new", "old")
    assert [bar.get_height() for bar in bars(figure)] == [0.5, -0.2, -0.7]
    assert [int(bar.get_x()) for bar in bars(figure)] == [0, 2, 3]  # a tie has no bar to point at, but its place
    assert titles(figure) == ["q2 +0.5000", "q1 -0.2000", "q4 -0.7000"]
    assert [text.get_text() for text in figure.axes[0].texts] == ["new wins 1", "old wins 2"]
    low, high = figure.axes[0].get_ylim()
    assert low < -0.7 < 0.5 < high


def test_queries_without_a_difference_are_drawn_as_a_line() -> None:
    assert bars(deltas([("q1", 0.0)], "AP", "new", "old")) == []


def test_many_queries_are_drawn_as_means_of_neighbours() -> None:
    values = [(f"q{number}", 1 - number / 1000) for number in range(1_001)]
    figure = deltas(values, "AP", "new", "old")
    found = bars(figure)
    assert len(found) == -(-1_001 // 4) - 1 <= BARS  # the last, q1000, is 0
    assert found[0].get_height() == pytest.approx(np.mean([1, 0.999, 0.998, 0.997]))
    assert sum(bar.get_width() for bar in found) == pytest.approx(1_000)
    assert (found[0].get_gid() or "").removeprefix(TITLE).startswith("q0 +1.0000, q1 +0.9990")


def test_losses_are_shares_of_all_relevant_passages() -> None:
    parts = [Part("in the top 10", [3, 0], 0), Part("not retrieved", [1, 0], 5)]
    figure = losses(["full", "nothing relevant"], parts)
    widths = [[bar.get_width() for bar in container] for container in figure.axes[0].containers]
    assert widths == [[0.75, 0], [0.25, 0]]
    assert "full, in the top 10: 3 of 4 (75.0%)" in titles(figure)
