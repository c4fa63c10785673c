"""The page as Chromium shows it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import orjson
import pytest
from PIL import Image

from tamis.eval.report.data import gather
from tamis.eval.report.page import write_page
from tamis.eval.report.read import read_all

from .conftest import QUERIES, write_ablation, write_three

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

TABLE = """id => [...document.querySelector(`#${id}`).closest('table').querySelectorAll('tbody tr')]
    .map(row => [...row.cells].map(cell => cell.innerText.trim()))"""
OVER = """() => [...document.querySelectorAll('body *')]
    .filter(each => !each.closest('.scroll, svg') && each.getBoundingClientRect().right > innerWidth + 1)
    .map(each => each.outerHTML.slice(0, 80))"""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three evaluations, one of them with a long name, and an ablation."""
    root = tmp_path_factory.mktemp("evaluations")
    three = write_three(root)
    content = orjson.loads((three[1] / "metrics.json").read_bytes())
    (three[1] / "metrics.json").write_bytes(orjson.dumps({**content, "name": f"better-{'y' * 70}"}))
    return [*three, write_ablation(root / "ablation")]


@pytest.fixture(scope="module")
def path(folders: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with all its sections, and long texts."""
    texts = {query: f"a question with a-very-long-word-{'x' * 80} about {query}" for query in QUERIES}
    found = tmp_path_factory.mktemp("page") / "report.html"
    write_page(gather(*read_all(folders), texts=texts), found)
    return found


def opened(browser: Browser, path: Path, width: int, scheme: str) -> Page:
    """The page in a window, shown to load nothing and to complain about nothing."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    page.wait_for_load_state("networkidle")
    assert said == []
    assert asked == [path.as_uri()]
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_its_window_and_shows_its_pictures(browser: Browser, path: Path, width: int, scheme: str) -> None:
    page = opened(browser, path, width, scheme)
    for details in page.locator("summary").all():
        details.click()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate(OVER) == []
    shown = page.locator("figure svg:visible")
    assert shown.count() == page.locator("figure").count() >= 6
    for place in range(shown.count()):
        figure = np.asarray(Image.open(io.BytesIO(shown.nth(place).screenshot())).convert("RGB"))
        background = figure[0, -1]
        assert (background.mean() > 128) == (scheme == "light")
        differs = np.abs(figure.astype(int) - background).sum(axis=2) > 60
        assert differs.mean() > 0.01  # drawn upon
        assert len(np.unique(figure[differs], axis=0)) > 10
    page.close()


def test_tables_show_the_numbers_of_the_files(browser: Browser, path: Path, folders: list[Path]) -> None:
    page = opened(browser, path, 1280, "light")
    rows = page.evaluate(TABLE, "measures")
    for row, folder in zip(rows, folders[:3], strict=False):
        content = orjson.loads((folder / "metrics.json").read_bytes())
        assert row[0].endswith(content["name"])
        for cell, found in zip(row[1:], content["measures"].values(), strict=True):
            low, high = found["interval_95"]
            assert cell.split("\n") == [f"{found['mean']:.4f}", f"{low:.4f} to {high:.4f}"]
    total = [row for row in page.evaluate(TABLE, "latency") if "total" in row]
    assert [row[-3:] for row in total] == [["12.0", "18.0", "24.0"], ["90.0", "135.0", "180.0"]]
    assert page.evaluate(TABLE, "verdicts1") == [["dense", "+0.0200", "+0.0100 to +0.0300", "0.01", "+9.0", "keep"]]
    page.close()


def test_the_keyboard_reaches_links_tables_and_details(browser: Browser, path: Path) -> None:
    page = opened(browser, path, 390, "light")
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.className || document.activeElement.tagName"))
    assert {"skip", "A", "SUMMARY", "scroll"} <= reached
    page.close()


def test_a_bar_tells_its_query_when_pointed_at(browser: Browser, path: Path) -> None:
    page = opened(browser, path, 1280, "light")
    figure = page.locator("#queries ~ figure .wide svg").first
    titles = figure.locator("title").all_text_contents()
    assert len(titles) > 20
    assert all(title.startswith("q") for title in titles)
    bar = figure.locator("g:has(> title)").first.bounding_box()
    assert bar is not None
    under = page.evaluate(
        "([x, y]) => { scrollTo(0, y - 300); return document.elementFromPoint(x, y - scrollY).closest('g:has(> title)')"
        ".querySelector('title').textContent }",
        [bar["x"] + bar["width"] / 2, bar["y"] + bar["height"] / 2],
    )
    assert under == titles[0]
    page.close()
