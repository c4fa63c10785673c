"""Opening a corpus: which format, which files, what is said when neither can be told."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tamis.errors import CorpusError
from tamis.indexer.config import CorpusConfig
from tamis.indexer.corpus.open import open_corpus
from tamis.indexer.passage import Document

BEIR = '{"_id": "1", "title": "", "text": "x"}\n'
PYSERINI = '{"id": "1", "contents": "x"}\n'


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ({"corpus.jsonl": BEIR}, "beir"),
        ({"corpus.jsonl": PYSERINI}, "jsonl"),
        ({"corpus.jsonl": "{broken\n" + BEIR}, "beir"),
        ({"corpus.jsonl": "{broken\n"}, "beir"),
        ({"corpus.jsonl": BEIR, "qrels/test.tsv": "1\t2", "README.md": "read me"}, "beir"),
        ({"part/0.jsonl": BEIR}, "beir"),
        ({"part/0.jsonl": PYSERINI}, "jsonl"),
        ({"x.json": "[" + PYSERINI + "]"}, "jsonl"),
        ({"x.json": PYSERINI + PYSERINI}, "jsonl"),
        ({"x.tsv": "1\tx"}, "tsv"),
        ({"x.txt": "x", "y/z.MD": "x", "w.html": "x", "image.png": ""}, "files"),
    ],
)
def test_auto_format_of_a_folder(tmp_path: Path, names: dict[str, str], expected: str) -> None:
    for name, content in names.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    assert open_corpus(str(tmp_path), CorpusConfig()).format == expected


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({}, "no file of a known format"),
        ({"x.csv": "1,x"}, "no file of a known format"),
        (
            {"x.jsonl": PYSERINI, "y.jsonl": PYSERINI, "README.md": "x"},
            "holds 1 .md and 2 .jsonl: more than one format",
        ),
        ({"x.jsonl": '{"key": 1, "value": "x"}'}, "its first record has the fields key, value"),
        ({"x.jsonl": ""}, "holds no record that can be read"),
        ({"corpus.jsonl": BEIR, "corpus.jsonl.gz": ""}, "holds corpus.jsonl and corpus.jsonl.gz; name the one"),
    ],
)
def test_folders_that_cannot_be_told(tmp_path: Path, names: dict[str, str], message: str) -> None:
    """The message says what was found, what was looked for, and names --format."""
    for name, content in names.items():
        (tmp_path / name).write_text(content)
    with pytest.raises(CorpusError) as raised:
        open_corpus(str(tmp_path), CorpusConfig())
    assert message in str(raised.value) and str(tmp_path) in str(raised.value)
    assert "name the one" in message or "--format" in str(raised.value)


def test_a_named_format_settles_it(tmp_path: Path) -> None:
    """With --format, only files of that format are read, and a single file whatever its name."""
    (tmp_path / "README.md").write_text("about")
    (tmp_path / "x.jsonl").write_text(PYSERINI)
    assert open_corpus(str(tmp_path), CorpusConfig(format="jsonl")).files == (tmp_path / "x.jsonl",)
    assert open_corpus(str(tmp_path), CorpusConfig(format="files")).files == (tmp_path / "README.md",)
    (tmp_path / "odd.dat").write_text("1\tx")
    (record,) = open_corpus(str(tmp_path / "odd.dat"), CorpusConfig(format="tsv")).records()
    assert isinstance(record, Document) and record.text == "x"
    with pytest.raises(CorpusError, match="no file of format 'parquet'"):
        open_corpus(str(tmp_path), CorpusConfig(format="parquet"))


def test_missing_path_and_unknown_name(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"corpus '.*nowhere' does not exist; looked for(.|\n)*--format"):
        open_corpus(str(tmp_path / "nowhere"), CorpusConfig())
    (tmp_path / "x.csv").write_text("1,x")
    with pytest.raises(CorpusError, match=r"x.csv': no format is known by this name(.|\n)*--format"):
        open_corpus(str(tmp_path / "x.csv"), CorpusConfig())


def test_pydocs_needs_its_word_and_real_packages(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="'no_such_package' is not installed"):
        open_corpus("pydocs:no_such_package", CorpusConfig())
    with pytest.raises(CorpusError, match="format pydocs reads `pydocs`"):
        open_corpus(str(tmp_path), CorpusConfig(format="pydocs"))
    assert open_corpus("pydocs:numpy, torch ,", CorpusConfig()).packages == ("numpy", "torch")
    assert open_corpus("pydocs:", CorpusConfig()) == open_corpus("pydocs", CorpusConfig(format="auto"))


def test_links_inside_data_formats_are_followed(tmp_path: Path) -> None:
    """Caches keep data files as links to elsewhere."""
    pq.write_table(pa.table({"id": ["1"], "text": ["x"]}), tmp_path / "blob")
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "0.parquet").symlink_to(tmp_path / "blob")
    assert len(list(open_corpus(str(tmp_path / "set"), CorpusConfig()).records())) == 1


def test_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Short names from the folder or file, also through `.`."""
    folder = tmp_path / "my.set"
    folder.mkdir()
    for name in ("corpus.jsonl", "other.jsonl.gz"):
        (folder / name).write_bytes(gzip.compress(BEIR.encode()) if name.endswith("gz") else BEIR.encode())
    assert open_corpus(str(folder / "corpus.jsonl"), CorpusConfig()).name == "my.set"
    assert open_corpus(str(folder / "other.jsonl.gz"), CorpusConfig()).name == "other"
    monkeypatch.chdir(folder)
    corpus = open_corpus(".", CorpusConfig())
    assert corpus.name == "my.set"
    assert [record.source for record in corpus.records()] == ["corpus.jsonl:1"]
    assert corpus.digest() == open_corpus(str(folder), CorpusConfig()).digest(), "the way to the folder does not count"


def test_digest_sees_content_names_and_order(tmp_path: Path) -> None:
    """It changes with any byte and any name, and not with time."""
    (tmp_path / "a.txt").write_text("one")
    (tmp_path / "b.txt").write_text("two")
    corpus = open_corpus(str(tmp_path), CorpusConfig())
    before = corpus.digest()
    assert len(before) == 64 and before == corpus.digest()
    (tmp_path / "b.txt").write_text("twx")
    assert corpus.digest() != before
    (tmp_path / "b.txt").write_text("two")
    assert corpus.digest() == before
    (tmp_path / "b.txt").rename(tmp_path / "c.txt")
    assert open_corpus(str(tmp_path), CorpusConfig()).digest() != before
    with pytest.raises(CorpusError, match=r"b.txt' cannot be read: No such file"):
        corpus.digest()


@pytest.mark.parametrize("packed", [False, True])
def test_progress_counts_the_bytes_on_disk(tmp_path: Path, packed: bool) -> None:
    """Progress rises to the size of all files, compressed as they lie."""
    content = b"".join(b'{"_id": "%d", "text": "%s"}\n' % (n, b"x" * 100) for n in range(5000))
    path = tmp_path / ("corpus.jsonl.gz" if packed else "corpus.jsonl")
    path.write_bytes(gzip.compress(content) if packed else content)
    corpus = open_corpus(str(path), CorpusConfig())
    seen: list[int] = []
    assert sum(1 for _ in corpus.records(seen.append)) == 5000
    assert seen == sorted(seen) and seen[-1] == corpus.size_bytes == path.stat().st_size


def test_memory_stays_flat(tmp_path: Path) -> None:
    """Reading 40 MB of records holds less than 8 MB at any time, beside the table of ids."""
    import tracemalloc

    path = tmp_path / "corpus.jsonl"
    with path.open("wb") as file:
        for number in range(20_000):
            file.write(b'{"_id": "%d", "text": "%s"}\n' % (number, b"x" * 2000))
    corpus = open_corpus(str(path), CorpusConfig())
    tracemalloc.start()
    try:
        assert sum(1 for _ in corpus.records()) == 20_000
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()
