from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import orjson
import pytest
import typer
from typer.testing import CliRunner

from tamis.cli.report import report as report_command
from tamis.eval.report.data import gather
from tamis.eval.report.page import render, write_images
from tamis.eval.report.read import read_all

from .conftest import BASE, FUNNEL, QUERIES, latency, relevant, write_ablation, write_evaluation, write_three

VOID = frozenset({"meta", "link", "br"})


class Page(HTMLParser):
    """What a page consists of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str | None]] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags[tag] += 1
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag of SVG that closes itself."""
        self.tags[tag] += 1
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        """Check that tags are nested."""
        assert self.open.pop() == tag, f"</{tag}> at {self.getpos()}"

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.text.append(data)

    def values(self, name: str) -> list[str]:
        """All values of an attribute."""
        return [value or "" for _, found, value in self.attributes if found == name]


def page_of(folders: list[Path], texts: dict[str, str] | None = None) -> str:
    """The page on folders."""
    return render(gather(*read_all(folders), texts=texts))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three evaluations and an ablation."""
    root = tmp_path_factory.mktemp("evaluations")
    return [*write_three(root), write_ablation(root / "ablation")]


@pytest.fixture(scope="module")
def text(folders: list[Path]) -> str:
    """The page on them."""
    return page_of(folders)


def test_the_page_is_whole_and_refers_to_nothing_outside(text: str) -> None:
    page = Page(text)
    assert page.open == []
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    for reference in page.values("href"):
        assert reference == "data:," or (reference.startswith("#") and reference[1:] in ids)
    assert {name for name in page.values("aria-labelledby")} <= set(ids)
    assert not page.values("src")
    assert not page.tags.keys() & {"script", "img", "iframe", "object", "form", "base"}
    assert not re.search(r"url\((?!#)|@import", text)
    assert "default-src 'none'" in next(value for value in page.values("content") if "-src" in value)


def test_tables_and_pictures_can_be_read_aloud(text: str) -> None:
    page = Page(text)
    assert page.tags["table"] == page.tags["caption"] >= 7
    headings = [value for tag, name, value in page.attributes if tag == "th" and name == "scope"]
    assert len(headings) == page.tags["th"]
    assert page.values("tabindex") == ["0"] * page.tags["table"]  # wide tables scroll by keyboard in every browser
    assert page.tags["h1"] == 1
    alts = [value for tag, name, value in page.attributes if tag == "svg" and name == "aria-label"]
    assert len(alts) == page.tags["svg"] == 2 * page.tags["figure"]
    assert any(alt and "somebody&#39;s" not in alt and "somebody's: 0." in alt for alt in alts)


def test_all_that_comes_from_files_is_escaped(tmp_path: Path) -> None:
    attack = "\"><script>alert(1)</script><b onload='x'>"
    queries = [attack, *QUERIES[1:]]
    parts = {
        "queries": queries, "latency_ms": {attack: {"p50": 1.0}, **latency(3.0)}, "fingerprints": {attack: attack},
        "warnings": [attack], "cost": {attack: 1.0}, "collection": attack, "split": attack,
        "pipeline": {"name": attack, "without": [attack], "stages": [attack]},
        "relevant": relevant([attack, "fused", attack + "2"], [1, None, None]),
    }  # fmt: skip
    values = BASE.copy()
    values[0] += 0.5
    one = write_evaluation(tmp_path / "one", attack, {"nDCG@10": BASE, attack: BASE}, **parts)
    two = write_evaluation(tmp_path / "two", attack, {"nDCG@10": values, attack: values}, **parts)
    text = page_of([one, two], {attack: attack})
    page = Page(text)
    assert "script" not in page.tags
    assert "b" not in page.tags
    assert page.open == []
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    assert "".join(page.text).count("alert(1)") > 20


def test_odd_names_do_no_harm(tmp_path: Path) -> None:
    names = ["$x^$ 漢字\x00\x1b", "\u202eright to left", "x" * 300]
    page = Page(page_of([write_evaluation(tmp_path / str(n), name, {"AP": BASE}) for n, name in enumerate(names)]))
    assert page.open == []


def test_the_same_files_give_the_same_bytes(folders: list[Path], text: str) -> None:
    assert page_of(folders) == text


def test_the_queries_that_changed_most_carry_their_texts(three: list[Path]) -> None:
    (lost,) = [delta for delta in gather(*read_all(three)).versus[1].lost][:1]
    text = page_of(three, {lost.query: "how do I <sort> a list", "never asked": "unseen"})
    assert "how do I &lt;sort&gt; a list" in text
    assert "unseen" not in text


def test_scored_runs_alone_need_no_latency_and_no_stages(tmp_path: Path) -> None:
    page = page_of([write_evaluation(tmp_path / name, name, {"nDCG@10": BASE}) for name in "abcdefgh"])
    assert "No latency was measured" in page
    assert "Where relevant passages were lost" not in page
    assert "Latency and cost" not in page


def test_one_evaluation_is_a_page_too(three: list[Path]) -> None:
    text = page_of(three[:1])
    assert "there is nothing to compare it with" in text
    assert Page(text).open == []


def test_an_empty_latency_or_no_relevant_passage_breaks_nothing(tmp_path: Path) -> None:
    empty = {"stages": FUNNEL, "queries": {}}
    folder = write_evaluation(tmp_path / "a", "a", {"AP": BASE}, latency_ms={"total": {}}, relevant=empty)
    assert Page(page_of([folder])).open == []


def test_pictures_are_written_beside_the_page(three: list[Path], tmp_path: Path) -> None:
    names = write_images(gather(*read_all(three)), tmp_path / "images")
    assert names == ["frontier", "deltas-1-better", "deltas-2-somebody-s", "losses", "found-by"]
    assert {path.name for path in (tmp_path / "images").iterdir()} == {
        f"{name}.{suffix}" for name in names for suffix in ("svg", "png")
    }


def command(*arguments: str) -> str:
    """What the command says on stdout."""
    app = typer.Typer()
    app.command()(report_command)
    found = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert found.exit_code == 0, found.output
    return found.stdout


def test_the_command_writes_the_page_and_says_the_findings(three: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "new" / "report.html"
    said = command(*map(str, three), "--out", str(out), "--title", "My page", "--images", str(tmp_path / "images"))
    assert said.splitlines()[0].startswith("better is better than base by nDCG@10")
    assert "<h1>My page</h1>" in out.read_text()
    assert (tmp_path / "images" / "frontier.png").is_file()


def test_the_command_shows_the_texts_of_a_collection(three: list[Path], tmp_path: Path) -> None:
    queries = [{"_id": query, "text": f"what is {query}?"} for query in QUERIES]
    (tmp_path / "beir" / "qrels").mkdir(parents=True)
    (tmp_path / "beir" / "queries.jsonl").write_bytes(b"\n".join(map(orjson.dumps, queries)))
    (tmp_path / "beir" / "corpus.jsonl").write_bytes(orjson.dumps({"_id": "p1", "title": "", "text": "a text"}))
    lines = ["query-id\tcorpus-id\tscore", *(f"{query}\tp1\t1" for query in QUERIES)]
    (tmp_path / "beir" / "qrels" / "test.tsv").write_text("\n".join(lines) + "\n")
    out = tmp_path / "report.html"
    command(*map(str, three), "--out", str(out), "--collection", str(tmp_path / "beir"))
    assert "what is q" in out.read_text()
