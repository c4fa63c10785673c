"""What every word index must do, run for both engines."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tamis.errors import BuildError, InvalidInput, MissingPrerequisite, NotFound, TamisError
from tamis.indexer.config import SparseConfig
from tamis.indexer.sparse.engine import EngineName, SparseIndex, build_sparse, choose_engine, open_sparse

CONFIG = SparseConfig()
PASSAGES = [
    "The cat sat on the mat",
    "A dog and a cat",
    "Dogs chase cats; the cats run",
    "",
    " \n\t ",
    "identical words here",
    "identical words here",
    "identical words here",
    "日本語のテキスト",
    "Emoji 😀 smile",
    "and the of",
    "naïve café e\u0301 zero\u200bwidth",
    "bird " * 300,
]
TERMS = [3, 2, 5, 0, 0, 3, 3, 3, 5, 3, 0, 5, 300]
"""How many terms each passage has: cat sat mat; dog cat; dog chase cat cat run; ..."""


@pytest.fixture(scope="module", params=["lucene", "bm25s"])
def engine(request: pytest.FixtureRequest) -> EngineName:
    if request.param == "lucene" and choose_engine("auto") != "lucene":
        pytest.skip("the extra `lucene` is not installed")
    return request.param  # type: ignore[no-any-return]


def make(engine: EngineName, folder: Path, passages: list[str], config: SparseConfig = CONFIG) -> SparseIndex:
    pairs = [(f"p{row}", contents) for row, contents in enumerate(passages)]
    build_sparse(engine, lambda: iter(pairs), len(pairs), folder, config, lambda done: None)
    return open_sparse(engine, folder, config)


@pytest.fixture(scope="module")
def folder(engine: EngineName, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp(engine) / "sparse"
    make(engine, path, PASSAGES).close()
    return path


@pytest.fixture(scope="module")
def index(engine: EngineName, folder: Path) -> SparseIndex:
    return open_sparse(engine, folder, CONFIG)


def bm25(frequency: int, row: int, document_frequency: int) -> float:
    """Score one term by hand: Lucene's formula."""
    documents = sum(1 for length in TERMS if length)
    idf = math.log(1 + (documents - document_frequency + 0.5) / (document_frequency + 0.5))
    norm = 0.9 * (1 - 0.4 + 0.4 * TERMS[row] / (sum(TERMS) / documents))
    return idf * frequency / (frequency + norm)


def test_scores_are_bm25_by_hand(index: SparseIndex) -> None:
    rows, scores = index.search("cat", 10)
    expected = {0: bm25(1, 0, 3), 1: bm25(1, 1, 3), 2: bm25(2, 2, 3)}
    assert rows.tolist() == sorted(expected, key=lambda row: -expected[row])
    assert scores == pytest.approx([expected[row] for row in rows.tolist()], rel=1e-5)


def test_scores_of_several_words_add_up_and_repeated_words_count_again(index: SparseIndex) -> None:
    rows, scores = index.search("dog cat cat", 1)
    assert rows.tolist() == [2] or rows.tolist() == [1]
    by_row = dict(zip(*(part.tolist() for part in index.search("dog cat cat", 10)), strict=True))
    assert by_row[1] == pytest.approx(bm25(1, 1, 2) + 2 * bm25(1, 1, 3), rel=1e-5)
    assert by_row[0] == pytest.approx(2 * bm25(1, 0, 3), rel=1e-5)
    assert scores[0] == max(by_row.values())


def test_types_and_number_of_passages(index: SparseIndex) -> None:
    rows, scores = index.search("cat dog", 10)
    assert rows.dtype == np.int32
    assert scores.dtype == np.float32
    assert index.passages == len(PASSAGES)


def test_identical_passages_come_by_row_whatever_the_depth(index: SparseIndex) -> None:
    for depth in (1, 2, 3, 50):
        rows, scores = index.search("identical words", depth)
        assert rows.tolist() == [5, 6, 7][:depth]
        assert len(set(scores.tolist())) == 1


def test_depth_cuts_the_same_ranking(index: SparseIndex) -> None:
    whole, _ = index.search("cat dog identical emoji", 100)
    assert len(whole) == 7  # rows 0, 1, 2, 5, 6, 7, 9
    for depth in range(1, 12):
        assert index.search("cat dog identical emoji", depth)[0].tolist() == whole[:depth].tolist()


@pytest.mark.parametrize("text", ["", "   ", "the of and", "xyzzy", "\x00\x01\x1f", "?!…", "\ud800"])
def test_nothing_known_finds_nothing(index: SparseIndex, text: str) -> None:
    rows, scores = index.search(text, 10)
    assert (rows.shape, scores.shape) == ((0,), (0,))
    assert rows.dtype == np.int32
    assert scores.dtype == np.float32


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("\x00cat\x07 sat", 0),
        ("\ud800 dog", 1),
        ("😀", 9),
        ("日本", 8),
        ("NAÏVE", 11),
        ("cat\u2019s mat", 0),
        ("e\u0301", 11),
    ],
)
def test_odd_characters(index: SparseIndex, text: str, row: int) -> None:
    assert index.search(text, 5)[0].tolist()[0] == row


def test_query_of_ten_thousand_words(index: SparseIndex) -> None:
    distinct = " ".join(f"w{number}" for number in range(10_000))
    assert index.search(f"{distinct} emoji", 5)[0].tolist() == [9]
    assert index.search("cat " * 10_000, 5)[0].tolist() == index.search("cat", 5)[0].tolist()
    assert index.search("x" * 100_000, 5)[0].tolist() == []


def test_depth_must_be_positive(index: SparseIndex) -> None:
    with pytest.raises(InvalidInput, match="depth is 0"):
        index.search("cat", 0)


def test_threads_get_what_one_thread_gets_from_two_indexes(engine: EngineName, folder: Path, tmp_path: Path) -> None:
    other = make(engine, tmp_path / "other", list(reversed(PASSAGES)))
    indexes = [open_sparse(engine, folder, CONFIG), other]
    queries = ["cat", "dog cat", "identical words here", "bird emoji", "日本語", "xyzzy"]
    work = [(number % 2, queries[number % len(queries)]) for number in range(800)]

    def search(task: tuple[int, str]) -> tuple[list[int], list[float]]:
        rows, scores = indexes[task[0]].search(task[1], 10)
        return rows.tolist(), scores.tolist()

    alone = [search(task) for task in work]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(search, work)) == alone


def test_opened_in_a_fresh_process_it_answers_the_same(engine: EngineName, folder: Path, index: SparseIndex) -> None:
    program = (
        "import json, sys; from pathlib import Path\n"
        "from tamis.indexer.config import SparseConfig\n"
        "from tamis.indexer.sparse.engine import open_sparse\n"
        "index = open_sparse(sys.argv[1], Path(sys.argv[2]), SparseConfig())\n"
        "print(json.dumps([part.tolist() for part in index.search('cat dog', 10)]))"
    )
    run = subprocess.run([sys.executable, "-c", program, engine, str(folder)], capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")
    assert json.loads(run.stdout) == [part.tolist() for part in index.search("cat dog", 10)]


@pytest.mark.parametrize("passages", [["one cat"], ["one cat", "two cats"], ["cat"] * 3])
def test_tiny_indexes_have_positive_scores(engine: EngineName, tmp_path: Path, passages: list[str]) -> None:
    index = make(engine, tmp_path / "sparse", passages)
    rows, scores = index.search("cat", 10)
    assert rows.tolist() == list(range(len(passages)))
    assert (scores > 0).all()


@pytest.mark.parametrize("passages", [[], [""], ["", "the", " "]])
def test_an_index_without_words_finds_nothing(engine: EngineName, tmp_path: Path, passages: list[str]) -> None:
    index = make(engine, tmp_path / "sparse", passages)
    assert index.passages == len(passages)
    assert index.search("cat the", 10)[0].tolist() == []


def test_k1_and_b_of_zero(engine: EngineName, tmp_path: Path) -> None:
    index = make(engine, tmp_path / "sparse", ["cat cat cat mat", "cat", "dog"], SparseConfig(k1=0, b=0))
    rows, scores = index.search("cat", 10)
    assert rows.tolist() == [0, 1]
    assert scores.tolist() == pytest.approx([math.log(1 + 1.5 / 2.5)] * 2)  # presence alone counts


@pytest.mark.parametrize(
    ("language", "passage", "query"),
    [
        ("de", "Die Häuser der Stadt", "Haus städte häusern"),
        ("fr", "l'histoire des chevaux", "histoires"),
        ("es", "los libros grandes", "libro"),
        ("ru", "красивые книги", "книга"),
        ("zh", "中华人民共和国", "人民"),
        ("ja", "東京都の天気", "東京"),
        ("ko", "안녕하세요 세계", "안녕하세요"),
        ("th", "ภาษาไทยง่าย", "ภาษาไทย"),
        ("hi", "भारत देश", "भारत"),
        ("te", "తెలుగు భాష", "తెలుగు"),
        ("bn", "বাংলা ভাষা", "বাংলা"),
        ("tr", "İstanbul'da evler", "istanbul"),
    ],
)
def test_languages_find_their_words(
    engine: EngineName, tmp_path: Path, language: str, passage: str, query: str
) -> None:
    config = SparseConfig.model_validate({"language": language})
    try:
        index = make(engine, tmp_path / "sparse", ["nothing", passage, "else"], config)
    except MissingPrerequisite as error:
        assert (engine, language) == ("lucene", "th")
        assert "TAMIS_JAVA_HOME" in str(error)
        return
    assert index.search(query, 5)[0].tolist() == [1]


def test_progress_ends_with_all_passages_and_never_goes_back(engine: EngineName, tmp_path: Path) -> None:
    told: list[int] = []
    build_sparse(engine, lambda: [(f"p{n}", f"word{n}") for n in range(3_000)], 3_000, tmp_path, CONFIG, told.append)
    assert told == sorted(told)
    assert told[-1] == 3_000


def test_built_again_over_an_old_index_it_holds_the_new_passages(engine: EngineName, tmp_path: Path) -> None:
    make(engine, tmp_path / "sparse", PASSAGES).close()
    index = make(engine, tmp_path / "sparse", ["nothing", "cat"])
    assert index.search("cat", 10)[0].tolist() == [1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sparse"]  # nothing temporary is left


def test_another_number_of_passages_than_announced_is_refused(engine: EngineName, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="2 passages came to the word index, where 3 were announced"):
        build_sparse(engine, lambda: [("a", "x"), ("b", "y")], 3, tmp_path / "sparse", CONFIG, lambda done: None)
    with pytest.raises(NotFound):
        open_sparse(engine, tmp_path / "sparse", CONFIG)


FULL_DISK = """
import resource, sys
from pathlib import Path
from tamis.errors import BuildError
from tamis.indexer.config import SparseConfig
from tamis.indexer.sparse.engine import build_sparse

def limit(done):
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))

if sys.argv[3] == "at once":
    limit(0)
texts = [(f"p{n}", f"word{n} and other words {n * 7}") for n in range(2000)]
try:
    build_sparse(sys.argv[1], lambda: texts, len(texts), Path(sys.argv[2]), SparseConfig(), limit)
except BuildError as error:
    print(error)
"""


@pytest.mark.parametrize("moment", ["at once", "while indexing"])
def test_a_full_disk_is_a_build_error(engine: EngineName, tmp_path: Path, moment: str) -> None:
    command = [sys.executable, "-c", FULL_DISK, engine, str(tmp_path / "sparse"), moment]
    run = subprocess.run(command, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")
    assert re.search(r"File too large|requested and \d+ written", run.stdout)  # as the system, or numpy, says it
    assert [path.name for path in tmp_path.iterdir()] == ["sparse"]  # nothing temporary is left


def test_what_was_built_otherwise_is_refused(engine: EngineName, folder: Path) -> None:
    other: EngineName = "bm25s" if engine == "lucene" else "lucene"
    with pytest.raises(InvalidInput, match="was built with engine"):
        open_sparse(other, folder, CONFIG)
    with pytest.raises(InvalidInput, match="was built with language 'en', and 'de' is asked for"):
        open_sparse(engine, folder, SparseConfig(language="de"))
    if engine == "bm25s":  # its scores are stored
        with pytest.raises(InvalidInput, match=r"was built with k1 0\.9"):
            open_sparse(engine, folder, SparseConfig(k1=1.2))
    else:
        rows, scores = open_sparse(engine, folder, SparseConfig(k1=1.2)).search("cat", 5)
        assert len(rows) == 3
        assert scores[0] != pytest.approx(bm25(2, 2, 3))


def test_closed_it_does_not_search(engine: EngineName, folder: Path) -> None:
    index = open_sparse(engine, folder, CONFIG)
    index.close()
    with pytest.raises(TamisError):
        index.search("cat", 5)


def test_no_index_there(engine: EngineName, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no word index in"):
        open_sparse(engine, tmp_path, CONFIG)
