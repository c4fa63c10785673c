"""Names beside points of a picture, placed so that they lie over one another as little as possible."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

from tamis.eval.figure_style import SURFACE, label


class Spot(NamedTuple):
    """A named point in the units of the axes."""

    x: float
    y: float
    name: str
    colour: str


class Line(NamedTuple):
    """What no name should lie over: from one point to another."""

    x: float
    y: float
    to_x: float
    to_y: float


SIDES = ((1, 1), (1, -1), (-1, 1), (-1, -1), (1, 3), (1, -3), (-1, 3), (-1, -3), (1, 5), (1, -5))
"""Where a name may stand, in steps right and up from its point; of those that fit best, the first is taken."""

STEP = 6.0
"""Points of a step."""


def place_labels(figure: Figure, axes: Axes, spots: Sequence[Spot], lines: Sequence[Line] = ()) -> None:
    """Write the name beside each spot; call it last, when the limits of the axes are final."""
    figure.draw_without_rendering()  # constrained layout fixes the axes' place now
    frame = axes.get_window_extent()
    taken = [_around(axes, Line(*line)) for line in lines]
    taken += [_around(axes, Line(spot.x, spot.y, spot.x, spot.y), 6) for spot in spots]
    for spot in spots:
        tries = [(_cost(box, taken, frame), number, box) for number, box in enumerate(_boxes(axes, spot))]
        _, number, box = min(tries, key=lambda found: found[:2])
        _write(axes, spot, number)
        taken.append(box)


def _around(axes: Axes, line: Line, room: float = 3) -> Bbox:
    """Return the box around a line, in pixels."""
    corners = axes.transData.transform([(line.x, line.y), (line.to_x, line.to_y)])
    return Bbox([corners.min(axis=0) - room, corners.max(axis=0) + room])


def _boxes(axes: Axes, spot: Spot) -> list[Bbox]:
    boxes = []
    for number in range(len(SIDES)):
        text = _write(axes, spot, number)
        boxes.append(text.get_window_extent())
        text.remove()
    return boxes


def _write(axes: Axes, spot: Spot, number: int) -> Annotation:
    right, up = SIDES[number]
    text = axes.annotate(
        label(spot.name),
        (spot.x, spot.y),
        xytext=(right * STEP, up * STEP),
        textcoords="offset points",
        ha="left" if right > 0 else "right",
        va="bottom" if up > 0 else "top",
        color=spot.colour,
        in_layout=False,
    )
    text.set_path_effects([withStroke(linewidth=3, foreground=SURFACE)])
    return text


def _cost(box: Bbox, others: Sequence[Bbox], frame: Bbox) -> float:
    outside = box.width * box.height - _shared(box, frame)
    return outside * 3 + sum(_shared(box, other) for other in others)


def _shared(one: Bbox, other: Bbox) -> float:
    both = Bbox.intersection(one, other)
    return 0.0 if both is None else float(both.width * both.height)
