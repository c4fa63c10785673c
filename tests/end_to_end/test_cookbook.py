"""The cook-book's published row, by the command lines of the page, on the real files."""

from __future__ import annotations

import gzip
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from tamis.eval.trec import read_qrels

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "cookbook.md").read_text()
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def commands(page: str) -> list[list[str]]:
    """List the fenced commands, without `tamis`."""
    lines = [line for block in BLOCK.findall(page) for line in block.splitlines()]
    split = [shlex.split(line) for line in lines]
    assert all(words[0] == "tamis" for words in split), lines
    return [words[1:] for words in split]


def recipe(heading: str) -> list[list[str]]:
    """List the commands of one recipe."""
    found = [section for section in PAGE.split("\n## ") if section.startswith(heading)]
    assert len(found) == 1, heading
    return commands(found[0])


def run(words: list[str], folder: Path) -> str:
    """Run a command in a folder, as the page's reader does; gives its standard output."""
    done = subprocess.run([sys.executable, "-m", "tamis.cli", *words], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def mean(folder: Path, measure: str) -> float:
    """Read a mean from an evaluation."""
    content: dict[str, Any] = orjson.loads((folder / "metrics.json").read_bytes())
    return float(content["measures"][measure]["mean"])


@pytest.fixture
def dl19(data_folder: Path, tmp_path: Path) -> Path:
    """A folder with the files that the page names, under those names."""
    source, folder = data_folder / "msmarco-mini", tmp_path / "msmarco"
    folder.mkdir()
    for name, path in {
        "msmarco/2019qrels-pass.txt": "qrels-official/dl19.trec.gz",
        "bm25.dl19.txt": "runs/dl19.BM25.top100.trec.gz",
    }.items():
        (tmp_path / name).write_bytes(gzip.decompress((source / path).read_bytes()))
    judged = read_qrels(folder / "2019qrels-pass.txt").keys()
    queries = [orjson.loads(line) for line in gzip.decompress((source / "queries.jsonl.gz").read_bytes()).splitlines()]
    lines = [f"{query['_id']}\t{query['text']}\n" for query in queries if query["_id"] in judged]
    (folder / "msmarco-test2019-queries.tsv").write_text("".join(lines))
    return tmp_path


@pytest.mark.data
def test_the_published_row(dl19: Path) -> None:
    """BM25 on DL19: nDCG@10 .5058 and R@100 .4910, as Anserini's regression page has them."""
    (score,) = recipe("Reproduce a published row")
    printed = run(score, dl19)
    assert "0.5058" in printed and "0.4910" in printed
    assert round(mean(dl19 / "results" / "bm25", "nDCG@10"), 4) == 0.5058
    assert round(mean(dl19 / "results" / "bm25", "R(rel=2)@100"), 4) == 0.4910


@pytest.mark.data
@pytest.mark.slow
def test_its_rerank_and_their_report(dl19: Path, data_folder: Path) -> None:
    """Cosine of the default encoder over BM25's list: .6396."""
    with (dl19 / "msmarco" / "collection.tsv").open("w", encoding="utf-8") as file:
        for line in gzip.decompress((data_folder / "msmarco-mini" / "corpus.jsonl.gz").read_bytes()).splitlines():
            passage = orjson.loads(line)
            file.write(f"{passage['_id']}\t{passage['text']}\n")
    (score,) = recipe("Reproduce a published row")
    for words in (score, *recipe("Rerank it"), *recipe("Compare two systems")):
        run(words, dl19)
    assert mean(dl19 / "results" / "cosine", "nDCG@10") == pytest.approx(0.6396, abs=0.0005)
    page = (dl19 / "report.html").read_text()
    assert "0.5058" in page and f"{mean(dl19 / 'results' / 'cosine', 'nDCG@10'):.4f}" in page
