"""The playground, as Chromium shows it against a running server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import orjson
import pytest

from tamis.indexer.build import build
from tamis.indexer.config import IndexConfig
from tamis.indexer.corpus.open import open_corpus
from tamis.rankers.config import PipelineConfig
from tamis.rankers.engine import Engine
from tamis.service.app import create_app
from tamis.service.config import ServiceConfig

from .conftest import running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PAYLOADS = (
    "<script>window.hacked = 1</script>",
    "<img src=x onerror=\"window.hacked = 1\">",
    "<svg onload='window.hacked = 1'>",
    "\"><iframe src=\"javascript:window.hacked = 1\"></iframe>",
    "</p></li><style>body{display:none}</style>",
)  # fmt: skip
OVER = "() => document.documentElement.scrollWidth - innerWidth"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An index whose passages try to become part of the page."""
    folder = tmp_path_factory.mktemp("hostile")
    lines = [
        {
            "_id": f"p{n} {payload}",
            "title": f"trick {payload}",
            "text": f"passage {payload}",
            "metadata": {"x": payload},
        }
        for n, payload in enumerate(PAYLOADS)
    ]
    (folder / "corpus.jsonl").write_bytes(b"\n".join(map(orjson.dumps, lines)))
    config = IndexConfig.model_validate({"corpus": {"metadata": {"x": "string"}}})
    build(open_corpus(str(folder / "corpus.jsonl"), config.corpus), folder / "index", config)
    with Engine.open(folder / "index") as engine:
        yield engine


@pytest.fixture(scope="module")
def base(tiny_engine: Engine, hostile: Engine, cross_encoder: str) -> Iterator[str]:
    """URL of a service with two indexes, one of them with three pipelines."""
    pipelines = {
        "words": PipelineConfig(retrievers=("sparse",)),
        "read": PipelineConfig(rerank=cross_encoder, rerank_depth=10),
    }
    engine = Engine(tiny_engine.index, tiny_engine.config, pipelines=pipelines)
    with running(create_app({"tiny": engine, "hostile": hostile}, ServiceConfig())) as url:
        yield url


@contextmanager
def opened(browser: Browser, url: str, width: int = 1280, scheme: str = "light", **options: Any) -> Iterator[Page]:
    """The page in a window of its own, shown to ask nobody but its server and to complain about nothing."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, **options  # type: ignore[arg-type]
    )  # fmt: skip
    page = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(url)
    yield page
    origin = "/".join(url.split("/")[:3])
    assert said == []
    assert asked and all(one.startswith(f"{origin}/") for one in asked)
    context.close()


def search(page: Page, query: str, pipeline: str = "tiny/default") -> None:
    """Type a query and wait for its hits."""
    page.wait_for_selector("#a option", state="attached")
    page.select_option("#a", pipeline)
    page.fill("#query", query)
    page.keyboard.press("Enter")
    page.wait_for_selector(".hit")


def test_a_search_shows_what_the_service_answers(browser: Browser, base: str) -> None:
    """Titles in order, query words marked, timings of every step, and the link that leads back."""
    asked = {"query": "copy a directory tree", "index": "tiny", "k": 10}
    answer = httpx.post(f"{base}/v1/search", json=asked).json()
    with opened(browser, base) as page:
        search(page, "copy a directory tree")
        assert page.locator(".title > span:first-child").all_text_contents() == [hit["title"] for hit in answer["hits"]]
        marked = {text.lower() for text in page.locator(".hit mark").all_text_contents()}
        assert {"copy", "directory", "tree"} <= marked and "a" not in marked
        label = page.locator(".lanes").get_attribute("aria-label")
        assert label is not None and all(step in label for step in ("sparse", "dense", "fusion"))
        assert page.locator("#status").text_content().startswith("tiny/default: 10 hits in ")  # type: ignore[union-attr]
        link = page.url
    with opened(browser, link) as page:
        page.wait_for_selector(".hit")
        assert page.input_value("#query") == "copy a directory tree"
        assert page.locator(".title > span:first-child").first.text_content() == answer["hits"][0]["title"]


def test_the_picture_follows_every_hit_through_the_stages(browser: Browser, base: str) -> None:
    """Numbers in the circles are the ranks of the answer; pointing at a hit picks its line out."""
    asked = {"query": "random choice", "index": "tiny", "pipeline": "read", "k": 10}
    hits = httpx.post(f"{base}/v1/search", json=asked).json()["hits"]
    with opened(browser, base) as page:
        search(page, "random choice", "tiny/read")
        assert page.locator(".flow .name").all_text_contents() == ["sparse", "dense", "fused", "rerank"]
        assert page.locator(".path").count() == 10
        for place, hit in enumerate(hits):
            drawn = page.locator(f".path[data-at='{place}'] text").all_text_contents()
            assert drawn == [str(stage["rank"]) for stage in hit["stages"].values() if stage]
        page.locator(".hit").nth(3).hover()
        assert page.locator(".path.on").get_attribute("data-at") == "3"
        page.locator(".path.on text").last.hover()
        assert page.locator("#tip").text_content().startswith(f"4. {hits[3]['title']}")  # type: ignore[union-attr]


def test_the_keyboard_is_enough(browser: Browser, base: str) -> None:
    with opened(browser, base) as page:
        search(page, "sort a list")
        page.evaluate("document.activeElement.blur()")
        page.keyboard.press("/")
        assert page.evaluate("document.activeElement.id") == "query"
        assert page.input_value("#query") == "sort a list"
        place = "[...document.querySelectorAll('.title')].indexOf(document.activeElement)"
        seen = []
        for key in ("ArrowDown", "ArrowDown", "ArrowDown", "ArrowUp", "End", "ArrowDown", "Home"):
            page.keyboard.press(key)
            seen.append(page.evaluate(place))
        assert seen == [0, 1, 2, 1, 9, 9, 0]
        page.keyboard.press("Enter")
        assert page.locator(".title").first.get_attribute("aria-expanded") == "true"
        rows = page.locator(".explain tbody tr").all_inner_texts()
        assert [row.split()[0] for row in rows] == ["sparse", "dense", "fused"]
        assert "sparse" in (page.locator(".shares").get_attribute("aria-label") or "")
        page.keyboard.press("Enter")
        assert page.locator(".explain").is_hidden()
        page.keyboard.press("Escape")
        assert page.evaluate("document.activeElement.id") == "query"


def test_two_variants_stand_side_by_side(browser: Browser, base: str) -> None:
    """Every hit says where the other has it, and the arrows cross over."""
    with opened(browser, f"{base}/#q=random+choice&a=tiny/words&b=tiny/default&k=5") as page:
        page.wait_for_selector(".hit")
        assert page.locator(".variant").count() == 2
        boxes = [box.bounding_box() for box in page.locator(".variant").all()]
        assert boxes[0] and boxes[1] and boxes[0]["x"] + boxes[0]["width"] < boxes[1]["x"]
        for sign in page.locator(".moved").all_text_contents():
            assert re.fullmatch(r"=|new|[▲▼]\d+", sign)
        page.focus("#query")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowRight")
        assert page.evaluate("document.activeElement.getAttribute('aria-controls')") == "hit-1-0"


def test_weights_are_tried_out_beside_the_pipeline_as_configured(browser: Browser, base: str) -> None:
    """A slider changes the order of the first variant alone, the link keeps it, and one button takes it back."""
    query = "copy a directory tree"
    asked = {"query": query, "index": "tiny", "k": 10, "weights": {"sparse": 0}}
    weighed = [hit["title"] for hit in httpx.post(f"{base}/v1/search", json=asked).json()["hits"]]
    with opened(browser, base) as page:
        search(page, query)
        page.select_option("#b", "tiny/default")
        page.wait_for_selector("main.two")
        page.click("#what-if summary")
        slider = page.get_by_label("Weight of sparse")
        slider.focus()
        page.keyboard.press("Home")
        page.wait_for_selector("text=weighed sparse 0.00, dense 1.00")
        columns = page.locator(".variant")
        assert columns.nth(0).locator(".title > span:first-child").all_text_contents() == weighed
        assert columns.nth(1).locator(".title > span:first-child").all_text_contents() != weighed
        link = page.url
    assert "w=sparse%3A0" in link
    with opened(browser, link) as page:
        page.wait_for_selector("text=weighed sparse 0.00, dense 1.00")
        page.click("text=As configured")
        page.wait_for_function("() => !document.querySelector('.variant h2').textContent.includes('weighed')")
        assert "w=" not in page.url


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_its_window_in_both_themes(browser: Browser, base: str, width: int, scheme: str) -> None:
    """The system's theme at first, the other one at a press, and that one after a reload."""
    paper = "() => getComputedStyle(document.documentElement).backgroundColor.match(/\\d+/g).map(Number)[0]"
    with opened(browser, f"{base}/#q=sort&a=tiny/read&b=tiny/default", width, scheme) as page:
        page.wait_for_selector(".hit")
        page.locator(".title").first.click()
        assert page.evaluate(OVER) <= 0
        assert (page.evaluate(paper) > 128) == (scheme == "light")
        page.click("#theme")
        assert (page.evaluate(paper) > 128) == (scheme == "dark")
        page.reload()
        page.wait_for_selector(".hit")
        assert (page.evaluate(paper) > 128) == (scheme == "dark")


def test_passages_cannot_become_part_of_the_page(browser: Browser, base: str) -> None:
    """Every payload is shown as the text that it is: in ids, titles, texts, metadata and in the query."""
    with opened(browser, base) as page:
        search(page, "trick passage <img src=y onerror='window.hacked = 1'>", "hostile/default")
        for title in page.locator(".title").all():
            title.click()
        texts = "\n".join(page.locator(".hit").all_inner_texts())
        assert all(payload in texts for payload in PAYLOADS)
        assert page.evaluate("window.hacked") is None
        assert page.locator("main script, main img, main iframe, main style").count() == 0
        page.locator(".path text").first.hover()
        assert "trick <" in (page.locator("#tip").text_content() or "")


def test_empty_and_failed_searches_say_so(browser: Browser, base: str) -> None:
    with opened(browser, f"{base}/#q=xyzzyplugh&a=tiny/words") as page:
        page.wait_for_selector(".message")
        assert "Nothing found" in page.inner_text("main")
        page.evaluate("() => { window.fetch = () => Promise.reject(new TypeError('gone')) }")
        page.click("#search [type=submit]")
        page.wait_for_selector("[role=alert]")
        assert "does not answer" in page.inner_text("[role=alert]")


def test_what_can_be_used_has_a_name(browser: Browser, base: str) -> None:
    names = """() => [...document.querySelectorAll('button, input, select, main, section, svg[role], ol')]
        .filter(each => each.checkVisibility())
        .map(each => [each.outerHTML.slice(0, 60), each.ariaLabel || each.labels?.[0]?.innerText || each.innerText])
        .filter(([, name]) => !name?.trim())"""
    with opened(browser, base) as page:
        search(page, "random")
        assert page.evaluate(names) == []
        assert page.locator("html").get_attribute("lang") == "en"


def test_files_are_those_of_the_package_and_no_others(base: str) -> None:
    folder = Path(__file__).resolve().parents[2] / "service" / "playground"
    for path in folder.iterdir():
        answer = httpx.get(f"{base}/playground/{path.name}")
        assert (answer.status_code, answer.content) == (200, path.read_bytes())
    for name in ("nope.js", "..%2fpage.py", "%2e%2e/page.py", ""):
        assert httpx.get(f"{base}/playground/{name}").status_code == 404
    page = httpx.get(base).text
    assert not re.search(r"https?://", page) and "<style" not in page and " style=" not in page
    assert re.findall(r"<script[^>]*>([^<]*)</script>", page) == [""]
