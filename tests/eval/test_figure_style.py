from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from tamis.eval.figure_style import DARK, LIGHT, SERIES, SURFACE, label, new_figure, save, style, title, to_svg

DRAW = """
import sys
from pathlib import Path
from tamis.eval.figure_style import SERIES, new_figure, save, style, to_svg
with style():
    figure, axes = new_figure(4, 3)
    axes.plot([0, 1], [0, 3], color=SERIES[1])
sys.stdout.write(to_svg(figure, 'a', 'rise'))
"""


def drawn(name: str = "x", told: str = "a bar") -> Figure:
    """A small figure with a name on an axis and a bar with a title."""
    with style():
        figure, axes = new_figure(4.0, 3.0)
        for bar in axes.bar([0], [1], color=SERIES[0]):
            bar.set_gid(title(told))
        axes.set_xlabel(label(name))
    return figure


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_text_and_systems_stand_out_by_day_and_by_night(colours: dict[str, str]) -> None:
    assert colours.keys() == LIGHT.keys()
    surface = luminance(colours["surface"])
    for name in colours.keys() - {"surface", "grid"}:
        lighter, darker = sorted((luminance(colours[name]), surface), reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5, name


def test_the_same_picture_gives_the_same_bytes_in_every_process(tmp_path: Path) -> None:
    (tmp_path / "matplotlibrc").write_text("font.size: 30\naxes.facecolor: red\n")  # a user's own settings
    found = {
        subprocess.run(
            [sys.executable, "-c", DRAW], check=True, capture_output=True, env={**os.environ, **extra}, cwd=folder
        ).stdout
        for extra, folder in (({"PYTHONHASHSEED": "1"}, "/"), ({"PYTHONHASHSEED": "2"}, tmp_path))
    }
    assert len(found) == 1


def test_saved_pictures_are_repeatable_and_white(tmp_path: Path) -> None:
    for suffix in ("svg", "png"):
        save(drawn(), tmp_path / f"a.{suffix}")
        save(drawn(), tmp_path / f"b.{suffix}")
        assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()
    svg = (tmp_path / "a.svg").read_text()
    assert f"background: {SURFACE}" in svg
    assert "var(--" not in svg
    assert not re.search(r"20\d\d-\d\d-\d\d|matplotlib", svg)
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match=r"\.svg or \.png"):
        save(drawn(), tmp_path / "a.pdf")


def test_a_page_s_picture_takes_the_page_s_colours_and_refers_to_itself_only() -> None:
    svg = to_svg(drawn(), "one", "what it shows")
    root = ElementTree.fromstring(svg)
    assert root.get("role") == "img"
    assert root.get("aria-label") == "what it shows"
    assert f"var(--series-0, {SERIES[0]})" in svg
    assert "var(--ink" in svg
    ids = re.findall(r' id="([^"]+)"', svg)
    assert len(ids) == len(set(ids))
    assert all(id_.startswith("one-") for id_ in ids)
    assert set(re.findall(r'href="#([^"]+)"', svg)) | set(re.findall(r"url\(#([^)]+)\)", svg)) == set(ids)
    for tag in ("style", "metadata", "script", "text"):  # text is paths: the same on every machine
        assert f"<{tag}" not in svg


def test_rounding_keeps_the_size_of_letters() -> None:
    assert "scale(0.015625)" in to_svg(drawn(), "a", "")


@settings(max_examples=25, deadline=None)
@given(st.text(max_size=40))
def test_any_name_can_be_drawn_and_any_title_told(text: str) -> None:
    root = ElementTree.fromstring(to_svg(drawn(text, text), "a", "alt"))
    (told,) = [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}title")]
    clean = text.replace("\r\n", "\ufffd\ufffd")
    assert len(told) == len(clean)
    assert all(shown in (sign, "\ufffd") for shown, sign in zip(told, clean, strict=True))


def test_hostile_and_odd_names_are_no_markup() -> None:
    svg = to_svg(drawn("$\\frac{", "</title><script>alert(1)</script>\x00"), "a", '"><script>')
    assert "<script" not in svg
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\ufffd" in svg


def test_labels_are_shortened_and_lack_what_the_font_lacks() -> None:
    assert label("a" * 30) == "a" * 27 + "…"
    assert label("漢 é\n") == "\ufffd é\ufffd"
