"""What every test may use: a small real index, and the judged collections where they are at hand."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from tamis.indexer.build import build
from tamis.indexer.config import IndexConfig
from tamis.indexer.corpus.open import open_corpus
from tamis.indexer.corpus.pydocs import read_pydocs
from tamis.indexer.forward.build import build_forward
from tamis.indexer.forward.layout import ForwardSettings
from tamis.indexer.passage import Passage
from tamis.indexer.restore import restore
from tamis.rankers.engine import Engine

if TYPE_CHECKING:
    from playwright.sync_api import Browser

os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"  # Haystack looks when it is imported

ROOT = Path(__file__).resolve().parent.parent

PACKAGES = frozenset(
    {"bisect", "calendar", "csv", "glob", "heapq", "itertools", "json", "random", "shutil", "statistics"}
)
"""Packages whose documentation makes the small corpus: about 250 passages."""

MakeForward = Callable[[list[tuple[str, str]]], Path]
"""Titles and texts to the folder of a forward index."""


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Folder of the judged collections (TAMIS_DATA); tests that need it skip where it is absent."""
    folder = Path(os.environ.get("TAMIS_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "scifact" / "corpus.jsonl.gz").is_file():
        pytest.skip(f"no judged collections in {folder}; set TAMIS_DATA")
    return folder


@pytest.fixture(scope="session")
def tiny_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BEIR corpus of real text: the documentation of ten modules."""
    path = tmp_path_factory.mktemp("corpus") / "corpus.jsonl"
    with path.open("wb") as file:
        for document in read_pydocs():
            if document.metadata["package"] in PACKAGES:
                line = {"_id": document.id, "title": document.title, "text": document.text}
                file.write(orjson.dumps(line | {"metadata": document.metadata}, option=orjson.OPT_APPEND_NEWLINE))
    return path


@pytest.fixture(scope="session")
def tiny_index(tmp_path_factory: pytest.TempPathFactory, tiny_corpus: Path) -> Path:
    """A published index of the small corpus, built with the real encoder and word index."""
    out = tmp_path_factory.mktemp("index") / "tiny"
    config = IndexConfig()
    build(open_corpus(str(tiny_corpus), config.corpus), out, config)
    return out


@pytest.fixture(scope="session")
def tiny_engine(tiny_index: Path) -> Iterator[Engine]:
    """The small index, open."""
    with Engine.open(tiny_index) as engine:
        yield engine


@pytest.fixture(scope="session")
def tiered_index(tmp_path_factory: pytest.TempPathFactory, tiny_corpus: Path) -> Path:
    """An index of the small corpus whose worst quarter is a cold tier; `package` is a column for filters."""
    out = tmp_path_factory.mktemp("tiered") / "tiered"
    quality = {"estimator": "light", "prune": 0.25, "cold": True}
    config = IndexConfig.model_validate({"quality": quality, "corpus": {"metadata": {"package": "string"}}})
    build(open_corpus(str(tiny_corpus), config.corpus), out, config)
    return out


@pytest.fixture(scope="session")
def restored_index(tmp_path_factory: pytest.TempPathFactory, tiered_index: Path) -> Path:
    """The same without tiers: all passages together."""
    out = tmp_path_factory.mktemp("restored") / "restored"
    shutil.copytree(tiered_index, out, symlinks=True)
    restore(out)
    return out


@pytest.fixture(scope="session")
def asked(tiny_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BEIR folder: the first words of every second passage ask for it; some 125 questions."""
    folder = tmp_path_factory.mktemp("asked") / "asked"
    (folder / "qrels").mkdir(parents=True)
    (folder / "corpus.jsonl").write_bytes(tiny_corpus.read_bytes())
    records = [orjson.loads(line) for line in tiny_corpus.read_bytes().splitlines()][::2]
    queries = [{"_id": f"q{n}", "text": " ".join(one["text"].split()[:9])} for n, one in enumerate(records)]
    (folder / "queries.jsonl").write_bytes(b"\n".join(map(orjson.dumps, queries)))
    qrels = "".join(f"q{n}\t{one['_id']}\t1\n" for n, one in enumerate(records))
    (folder / "qrels" / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\n{qrels}")
    return folder


@pytest.fixture(scope="session")
def tokenizer_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A WordPiece tokenizer of letters and a few whole words."""
    letters = "abcdefghijklmnopqrstuvwxyz0123456789.,"
    pieces = ["[UNK]", *letters, *(f"##{letter}" for letter in letters), "the", "cat", "##s", "dog", "run", "##ning"]
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    tokenizer.save(str(path))
    return path


@pytest.fixture(scope="session")
def make_forward(tokenizer_file: Path, tmp_path_factory: pytest.TempPathFactory) -> MakeForward:
    """Build the forward index of a few passages."""

    def make(passages: list[tuple[str, str]]) -> Path:
        folder = tmp_path_factory.mktemp("forward") / "forward"
        stream = (Passage(str(row), str(row), title, text) for row, (title, text) in enumerate(passages))
        build_forward(stream, ForwardSettings("en", tokenizer_file), folder, lambda done: None)
        return folder

    return make


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, as the system has it; for one module, since Playwright's event loop runs as long as it is open."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        pytest.skip("no chromium on PATH; `apt-get install chromium`")
    from playwright.sync_api import sync_playwright

    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, headless=True, args=flags)
        yield found
        found.close()
