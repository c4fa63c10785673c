"""Each format, written small and read back."""

from __future__ import annotations

import datetime
import gzip
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tamis.indexer.config import CorpusConfig
from tamis.indexer.corpus.files import first_heading
from tamis.indexer.corpus.html import decode_page
from tamis.indexer.corpus.open import Corpus, open_corpus
from tamis.indexer.passage import BadRecord, Document

PAGE = """<!doctype html><html><head><meta charset="utf-8"><title>Sieves &amp; sifting</title></head><body>
<nav><a href="/">Home</a> <a href="/about">About us</a></nav>
<article><p>A tamis is a drum sieve with a fine mesh, and cooks press purées through it to make them smooth.</p>
<p>Its name is French; the mesh was once woven of silk and is made of steel today.</p></article>
<footer>Copyright nobody</footer></body></html>"""


def read(path: Path, **config: object) -> list[Document]:
    """All documents of a corpus that must not hold a bad record."""
    return good(open_corpus(str(path), CorpusConfig.model_validate(config)))


def good(corpus: Corpus) -> list[Document]:
    documents = []
    for record in corpus.records():
        assert isinstance(record, Document), record
        documents.append(record)
    return documents


def lines(*records: object) -> bytes:
    return b"".join(orjson.dumps(record) + b"\n" for record in records)


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_beir(tmp_path: Path, suffix: str) -> None:
    """Id, title, text, and all else as metadata; the folder's other files are not corpus."""
    content = lines(
        {"_id": "a b", "title": "T", "text": "x\ny", "metadata": {"url": "u", "no": None}, "year": 1999},
        {"_id": 12, "text": "é"},
        {"_id": "c", "title": "only a title", "text": ""},
    )
    path = tmp_path / "set" / f"corpus.jsonl{suffix}"
    path.parent.mkdir()
    with (
        pa.CompressedOutputStream(str(path), {".gz": "gzip", ".zst": "zstd"}[suffix])
        if suffix
        else path.open("wb") as f
    ):
        f.write(content)
    (path.parent / "queries.jsonl").write_bytes(lines({"_id": "q", "text": "never read"}))
    (path.parent / "qrels").mkdir()
    (path.parent / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n")
    corpus = open_corpus(str(path.parent), CorpusConfig())
    assert (corpus.name, corpus.format, corpus.files) == ("set", "beir", (path,))
    assert good(corpus) == [
        Document("a b", "T", "x\ny", {"url": "u", "year": 1999}, f"{path}:1"),
        Document("12", "", "é", {}, f"{path}:2"),
        Document("c", "only a title", "", {}, f"{path}:3"),
    ]
    assert good(corpus) == good(open_corpus(str(path), CorpusConfig())), "a file is read like its folder, and anew"


def test_blank_lines_bom_and_crlf_are_no_records(tmp_path: Path) -> None:
    """Lines keep their numbers; a byte order mark, blank lines and carriage returns are not content."""
    path = tmp_path / "corpus.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"_id": "1", "text": "a"}\r\n\r\n  \n{"_id": "2", "text": "b"}')
    assert [(d.id, d.text, d.source) for d in read(path)] == [("1", "a", f"{path}:1"), ("2", "b", f"{path}:4")]


def test_jsonl_folder_in_order_of_paths(tmp_path: Path) -> None:
    """Pyserini's folder: files by path, lines and arrays and single objects alike."""
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "docs.jsonl").write_bytes(lines({"id": "2", "contents": "two", "lang": "en"}))
    with gzip.open(tmp_path / "a.json.gz", "wb") as file:
        file.write(orjson.dumps([{"id": "0", "contents": "zero", "title": "Z"}, {"id": 1, "contents": "one"}]))
    (tmp_path / "c.json").write_bytes(orjson.dumps({"id": "3", "contents": "three"}, option=orjson.OPT_INDENT_2))
    (tmp_path / "d.json").write_bytes(lines({"id": "4", "contents": "four"}, {"id": "5", "contents": "five"}))
    (tmp_path / ".hidden.json").write_text("no JSON")
    documents = read(tmp_path)
    assert [(d.id, d.title, d.text) for d in documents] == [
        ("0", "Z", "zero"), ("1", "", "one"), ("2", "", "two"),
        ("3", "", "three"), ("4", "", "four"), ("5", "", "five"),
    ]  # fmt: skip
    assert documents[1].source == f"{tmp_path / 'a.json.gz'}:2"
    assert documents[2].metadata == {"lang": "en"}


def test_jsonl_takes_the_usual_names(tmp_path: Path) -> None:
    """`id` goes before `docid`, `contents` before `text`; what is not taken is metadata."""
    path = tmp_path / "x.jsonl"
    path.write_bytes(lines({"docid": "1", "text": "t"}, {"id": "2", "docid": "o", "contents": "c", "body": "b"}))
    corpus = open_corpus(str(path), CorpusConfig())
    assert corpus.format == "jsonl"
    assert [(d.id, d.text, d.metadata) for d in good(corpus)] == [
        ("1", "t", {}), ("2", "c", {"docid": "o", "body": "b"}),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("7\tsome text\n8\tmore\n", [("7", "", "some text", {}), ("8", "", "more", {})]),
        ("7\tT\tsome text\n", [("7", "T", "some text", {})]),
        ("D1\thttp://x\tT\tbody\n", [("D1", "T", "body", {"url": "http://x"})]),
        ("id\ttext\ttitle\n7\tsome text\tT\n", [("7", "T", "some text", {})]),
    ],
    ids=["passages", "titles", "documents", "header"],
)
@pytest.mark.parametrize("packed", [False, True])
def test_tsv(tmp_path: Path, content: str, expected: list[object], packed: bool) -> None:
    """MS MARCO's layouts by the number of columns, and DPR's by its header."""
    path = tmp_path / ("collection.tsv.gz" if packed else "collection.tsv")
    path.write_bytes(gzip.compress(content.encode()) if packed else content.encode())
    corpus = open_corpus(str(path), CorpusConfig())
    assert (corpus.name, corpus.format) == ("collection", "tsv")
    assert [(d.id, d.title, d.text, d.metadata) for d in good(corpus)] == expected


def test_parquet(tmp_path: Path) -> None:
    """Columns by their names, over batches and files; dates become ISO strings, NaN and null are left out."""
    count = 1300
    table = pa.table(
        {
            "docno": pa.array(range(count)),
            "body": [f"text {n}" for n in range(count)],
            "when": pa.array([datetime.datetime(2024, 1, 2)] * count, pa.timestamp("ns")),
            "score": [float("nan"), 0.5] * (count // 2),
            "tags": [["a", "b"], None] * (count // 2),
        }
    )
    (tmp_path / "data").mkdir()
    pq.write_table(table, tmp_path / "data" / "0.parquet", row_group_size=700)
    pq.write_table(pa.table({"_id": ["z"], "title": ["T"], "text": ["last"]}), tmp_path / "data" / "1.parquet")
    corpus = open_corpus(str(tmp_path), CorpusConfig())
    seen: list[int] = []
    documents = [record for record in corpus.records(seen.append) if isinstance(record, Document)]
    assert len(documents) == count + 1
    assert documents[0] == Document(
        "0", "", "text 0", {"when": "2024-01-02T00:00:00", "tags": ["a", "b"]}, f"{tmp_path / 'data' / '0.parquet'}:1"
    )
    assert documents[1299].metadata == {"when": "2024-01-02T00:00:00", "score": 0.5}
    assert (documents[-1].id, documents[-1].title) == ("z", "T")
    assert seen == sorted(seen) and seen[-1] == corpus.size_bytes


def test_files(tmp_path: Path) -> None:
    """Files by path, hidden ones and links to elsewhere left out; titles from headings and pages."""
    outside = tmp_path / "outside.txt"
    outside.write_text("secret")
    root = tmp_path / "docs"
    (root / "sub").mkdir(parents=True)
    (root / ".git").mkdir()
    (root / ".git" / "x.md").write_text("hidden")
    (root / "sub" / "page.html").write_text(PAGE, encoding="utf-8")
    (root / "a.txt").write_text("plain text\n")
    (root / "b.md").write_text("intro\n\n```sh\n# no heading\n```\n\n## The *title* ##\n\ntext\n")
    (root / "utf16.txt").write_bytes("wide é".encode("utf-16"))
    (root / "latin.htm").write_bytes(
        '<meta charset="iso-8859-1"><title>Caf\xe9</title><p>d\xe9j\xe0 vu'.encode("latin-1")
    )
    (root / "picture.png").write_bytes(b"\x89PNG")
    (root / "away.txt").symlink_to(outside)
    corpus = open_corpus(str(root), CorpusConfig())
    documents = {document.id: document for document in good(corpus)}
    assert list(documents) == ["a.txt", "b.md", "latin.htm", "sub/page.html", "utf16.txt"]
    assert documents["a.txt"] == Document("a.txt", "", "plain text\n", {}, str(root / "a.txt"), is_file=True)
    assert documents["b.md"].title == "The *title*"
    assert documents["latin.htm"].title == "Café" and "déjà vu" in documents["latin.htm"].text
    assert documents["utf16.txt"].text == "wide é"
    page = documents["sub/page.html"]
    assert page.title == "Sieves & sifting"
    assert "press purées through it" in page.text and "made of steel today." in page.text
    assert "Copyright" not in page.text and "About us" not in page.text


def test_a_single_file(tmp_path: Path) -> None:
    """One text file is a corpus of one document."""
    (tmp_path / "note.md").write_text("Title\n=====\n\nText\n")
    (document,) = read(tmp_path / "note.md")
    assert (document.id, document.title, document.is_file) == ("note.md", "Title", True)


@pytest.mark.parametrize(
    "page",
    [
        "<p>d\u00e9j\u00e0 vu".encode("utf-16"),
        '<meta charset="utf-16"><p>d\u00e9j\u00e0 vu'.encode(),
        '<meta charset="no-such-set"><p>d\u00e9j\u00e0 vu'.encode(),
        '<meta http-equiv=Content-Type content="text/html; charset=windows-1252"><p>d\u00e9j\u00e0 vu'.encode("cp1252"),
        '<meta charset="hex"><p>d\u00e9j\u00e0 vu'.encode(),
    ],
)
def test_character_sets_of_pages(page: bytes) -> None:
    """A mark goes before a declaration; one that cannot be true or is unknown means UTF-8, as in browsers."""
    assert decode_page(page).endswith("<p>d\u00e9j\u00e0 vu")


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("# One\n# Two", "One"),
        ("no heading\n\ntext", ""),
        ("#hashtag\n\n# Real #\n", "Real"),
        ("~~~\n# a\n```\n# b\n~~~\n### c", "c"),
        ("---\ntags: x\n---\n# After front matter", "After front matter"),
    ],
)
def test_first_heading(text: str, title: str) -> None:
    assert first_heading(text) == title


def test_html_without_a_main_part_keeps_its_words(tmp_path: Path) -> None:
    """A page of a few words is not thrown away as boilerplate."""
    (tmp_path / "x.html").write_text("<p>hi <b>there</b></p><script>var no = 1</script>")
    (document,) = read(tmp_path)
    assert document.text.split() == ["hi", "there"]


def test_json_array_with_other_things_in_it(tmp_path: Path) -> None:
    """Only objects are records; the number of an item stands for its line."""
    path = tmp_path / "x.json"
    path.write_bytes(orjson.dumps([{"id": "1", "contents": "a"}, 7]))
    _, bad = open_corpus(str(path), CorpusConfig()).records()
    assert bad == BadRecord(f"{path}:2", "not a JSON object", "7")
