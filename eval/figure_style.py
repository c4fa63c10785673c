"""How every picture of an evaluation looks, and how it becomes SVG or PNG: the only module that sets up matplotlib."""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont
from matplotlib.ft2font import FT2Font

from tamis.files import whole

WIDE, NARROW = 10.0, 4.2
"""Widths in inches: for a page of 1,080 pixels, and for a telephone."""

INK, MUTED, GRID, SURFACE = "#1b2026", "#56606b", "#dfe3e8", "#ffffff"
SERIES = ("#0072b2", "#c24f00", "#00805c", "#a8467f", "#7352bf", "#80651a")
"""Colours of systems: Okabe and Ito's (2008), told apart by the colour-blind, darkened to 4.5:1 on white, so that
text may have them."""
MARKERS = ("o", "s", "D", "^", "v", "P")
"""Marker of each system, so that none is known by its colour alone."""

LIGHT = {
    "ink": INK, "muted": MUTED, "grid": GRID, "surface": SURFACE,
    **{f"series-{place}": colour for place, colour in enumerate(SERIES)},
}  # fmt: skip
"""Name of each colour on a page, for `to_svg`."""
DARK = {
    "ink": "#e6e9ed", "muted": "#a3adb8", "grid": "#333b45", "surface": "#14181d",
    "series-0": "#56b4e9", "series-1": "#f08a3c", "series-2": "#3cc29a", "series-3": "#e08fc0",
    "series-4": "#ab93ee", "series-5": "#d3b24d",
}  # fmt: skip
"""The same by night."""

TITLE = "title:"
"""What an artist's gid begins with where the rest is its title: what a browser shows when pointed at it."""

SETTINGS = {
    "axes.axisbelow": True,
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.unicode_minus": True,
    "figure.constrained_layout.use": True,
    "figure.facecolor": "none",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "lines.markersize": 7,
    "savefig.dpi": 160,
    "savefig.facecolor": "none",
    "svg.fonttype": "path",
    "svg.hashsalt": "tamis",
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
}


@contextmanager
def style() -> Iterator[None]:
    """Set the look while drawing, whatever the user's own matplotlibrc says; `@style()` sets it for a function."""
    with matplotlib.style.context(SETTINGS, after_reset=True):
        yield


def new_figure(width: float, height: float) -> tuple[Figure, Axes]:
    """Return an empty figure of a size in inches, and its axes; call it within `style`."""
    figure = Figure(figsize=(width, height))
    return figure, figure.add_subplot()


def look(place: int) -> tuple[str, str]:
    """Return colour and marker of a system by its place; no two of 36 have both."""
    return SERIES[place % len(SERIES)], MARKERS[(place + place // len(SERIES)) % len(MARKERS)]


def label(text: str, limit: int = 28) -> str:
    """Return a text that can be drawn: shortened, and with a sign in place of what the font lacks."""
    shown = text if len(text) <= limit else f"{text[: limit - 1]}…"
    return "".join(sign if ord(sign) in _glyphs() and sign.isprintable() else "\ufffd" for sign in shown)


def title(text: str) -> str:
    """Return a gid that gives an artist a title; signs that XML cannot carry are replaced."""
    return TITLE + "".join("\ufffd" if unicodedata.category(sign) in ("Cc", "Cs", "Cn") else sign for sign in text)


def to_svg(figure: Figure, prefix: str, alt: str) -> str:
    """Return a figure as an `<svg>` element for a page.

    Colours become the page's own where it sets `--ink` and the other names of `LIGHT`.

    Args:
        figure: what to draw.
        prefix: what ids begin with, so that two figures may stand in one page.
        alt: what the figure shows, in words.
    """
    root = _tidied(figure, prefix)
    del root.attrib["width"], root.attrib["height"]
    root.attrib.update({"role": "img", "aria-label": alt})
    names = {colour: name for name, colour in LIGHT.items()}
    for element in root.iter():
        if found := element.get("style"):
            element.set("style", re.sub("#[0-9a-f]{6}", lambda colour: _named(colour[0], names), found))
    return ElementTree.tostring(root, encoding="unicode")


def save(figure: Figure, path: Path) -> None:
    """Write a figure as `.svg` or `.png`, on white; the same figure gives the same bytes.

    Raises:
        ValueError: the name ends otherwise.
    """
    if path.suffix == ".svg":
        root = _tidied(figure, "f")
        root.set("style", f"background: {SURFACE}")
        content = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    elif path.suffix == ".png":
        buffer = io.BytesIO()
        with style():
            figure.savefig(buffer, format="png", facecolor=SURFACE, metadata={"Software": None})
        content = buffer.getvalue()
    else:
        raise ValueError(f"a picture is written as .svg or .png, not {path.name!r}")
    with whole(path) as temporary:
        temporary.write_bytes(content)


def _named(colour: str, names: dict[str, str]) -> str:
    return f"var(--{names[colour]}, {colour})" if colour in names else colour


def _tidied(figure: Figure, prefix: str) -> ElementTree.Element:
    """Draw an SVG, without what matplotlib adds for itself: date, comments, style sheet, unused ids."""
    buffer = io.BytesIO()
    with style():
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    root = ElementTree.fromstring(buffer.getvalue())
    parents = {child: parent for parent in root.iter() for child in parent}
    used = set(re.findall(r"(?:url\(#|href=\"#)([^\")]+)", buffer.getvalue().decode()))
    for element in list(root.iter()):
        element.tag = element.tag.rpartition("}")[2]
        if element.tag in ("metadata", "style"):
            parents[element].remove(element)
            continue
        element.text = element.tail = None  # white space: what is written was made into paths
        _tidy_attributes(element, used, prefix)
    root.attrib.pop("version", None)
    root.attrib.update({"xmlns": "http://www.w3.org/2000/svg", "stroke-linejoin": "round", "stroke-linecap": "butt"})
    return root


def _tidy_attributes(element: ElementTree.Element, used: set[str], prefix: str) -> None:
    for name, value in list(element.attrib.items()):
        del element.attrib[name]
        plain = name.rpartition("}")[2]
        if plain == "id" and value.startswith(TITLE):
            told = ElementTree.Element("title")
            told.text = value.removeprefix(TITLE)
            element.insert(0, told)
        elif plain == "id":
            if value in used:
                element.set("id", f"{prefix}-{value}")
        elif plain == "href":
            element.set("href", f"#{prefix}-{value.removeprefix('#')}")
        else:
            short = value if plain == "transform" else _short(value)
            element.set(plain, short.replace("url(#", f"url(#{prefix}-"))


def _short(value: str) -> str:
    """Round long decimals: a hundredth of a point is not seen, and most of the bytes are decimals."""
    rounded = re.sub(r"-?\d+\.\d{3,}", lambda found: f"{float(found[0]):.2f}".rstrip("0").rstrip("."), value)
    return re.sub(r"\s+", " ", rounded).strip()


@lru_cache(maxsize=1)
def _glyphs() -> frozenset[int]:
    return frozenset(FT2Font(findfont("DejaVu Sans")).get_charmap())
