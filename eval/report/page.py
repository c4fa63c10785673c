"""The page of a report: one HTML file that loads nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from tamis import __version__
from tamis.eval.figure_style import DARK, LIGHT
from tamis.files import whole

from .data import Report
from .pictures import Picture, differences, effectiveness, fate_parts, finder_parts, found_passages, lost_passages

HERE = Path(__file__).parent

WORDS = {
    "better": "▲ Better",
    "worse": "▼ Worse",
    "equivalent": "= Equivalent",
    "not worse": "≥ Not worse",
    "open": "? Open",
}
"""What stands above a headline, so that its colour alone says nothing."""


@dataclass(frozen=True, slots=True)
class _Drawn:
    wide: Markup
    narrow: Markup
    caption: str


@dataclass(frozen=True, slots=True)
class _FateRow:
    place: int
    system: str
    found_by: str
    total: int
    of: int
    counts: list[int]


def write_page(report: Report, path: Path) -> None:
    """Write the report as one HTML page."""
    page = render(report)
    with whole(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def write_images(report: Report, folder: Path) -> list[str]:
    """Write the report's pictures as SVG and PNG; return their names."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = list(_pictures(report))
    for picture in pictures:
        picture.save(folder)
    return [picture.name for picture in pictures]


def render(report: Report) -> str:
    """Return the page; all that comes from files is escaped, and the same report gives the same bytes."""
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True
    )
    environment.filters.update(fixed=_fixed, signed=_signed, p=_p, ms=_ms, amount=_amount)
    return environment.get_template("page.html.j2").render(_content(report))


def _content(report: Report) -> dict[str, Any]:
    baseline = report.evaluations[0]
    timed = [one for one in report.evaluations if one.summary.latency_ms]
    pictures = [_draw(picture, f"d{number}") for number, picture in enumerate(differences(report))]
    return {
        "report": report,
        "baseline": baseline,
        "version": __version__,
        "margin": report.margin,
        "words": WORDS,
        "light": LIGHT,
        "dark": DARK,
        "css": Markup((HERE / "page.css").read_text(encoding="utf-8")),
        "sections": list(_sections(report, bool(timed))),
        "measures": list(dict.fromkeys(name for one in report.evaluations for name in one.summary.measures)),
        "frontier": _draw(effectiveness(report), "e"),
        "differences": list(zip(report.versus, pictures, strict=True)),
        "losses": _draw(lost_passages(report), "l") if report.fates else None,
        "finders": _draw(found_passages(report), "f") if report.fates else None,
        "ends": [part.name for part in fate_parts(report)],
        "fates": list(_fate_rows(report)),
        "timed": timed,
        "costs": list(dict.fromkeys(name for one in report.evaluations for name in one.summary.cost)),
    }


def _pictures(report: Report) -> Iterator[Picture]:
    yield effectiveness(report)
    yield from differences(report)
    if report.fates:
        yield lost_passages(report)
        yield found_passages(report)


def _draw(picture: Picture, prefix: str) -> _Drawn:
    # `to_svg` writes well-formed XML: whatever text is in it was escaped there
    wide, narrow = picture.svg(f"{prefix}w", narrow=False), picture.svg(f"{prefix}n", narrow=True)
    return _Drawn(Markup(wide), Markup(narrow), picture.caption)


def _sections(report: Report, timed: bool) -> Iterator[tuple[str, str]]:
    yield "findings", "Findings"
    for number, _ in enumerate(report.ablations, start=1):
        yield f"verdict{number}", "Verdicts"
    yield "effectiveness", "Effectiveness and latency" if timed else "Effectiveness"
    if report.versus:
        yield "queries", "Query by query"
    if report.fates:
        yield "lost", "Lost passages"
    if timed:
        yield "cost", "Latency and cost"
    yield "origin", "What was evaluated"


def _fate_rows(report: Report) -> Iterator[_FateRow]:
    """Cross who found the passages with what became of them."""
    ends = [part.name for part in fate_parts(report)]
    for place, (system, fates) in enumerate(report.fates.items()):
        for part in finder_parts(report):
            counts = [
                sum(n for fate, n in fates.items() if fate.end == end and fate.found_label == part.name) for end in ends
            ]
            if total := sum(counts):
                yield _FateRow(place, system, part.name, total, fates.total(), counts)


def _fixed(value: float) -> str:
    return f"{value:.4f}"


def _signed(value: float) -> str:
    return f"{value:+.4f}"


def _p(value: float) -> str:
    return f"{value:.3g}"


def _ms(value: float) -> str:
    return f"{value:,.1f}" if value >= 10 else f"{value:.2f}"


def _amount(value: float) -> str:
    return f"{value:,.1f}" if value >= 10 else f"{value:.3g}"
