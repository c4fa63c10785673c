"""Every way in which a record can be unfit: its place, the reason, and the rest of the stream goes on."""

from __future__ import annotations

import gzip
import os
import random
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tamis.indexer.config import CorpusConfig
from tamis.indexer.corpus.open import open_corpus
from tamis.indexer.corpus.raw import Raw
from tamis.indexer.corpus.tsv import EXPECTED
from tamis.indexer.corpus.validate import Validator
from tamis.indexer.passage import BadRecord, Document

GOOD = b'{"_id": "good", "text": "fine"}'
LAST = b'{"_id": "last", "text": "fine too"}'


def read(path: Path, **config: object) -> tuple[list[Document], list[BadRecord]]:
    records = list(open_corpus(str(path), CorpusConfig.model_validate(config)).records())
    return [r for r in records if isinstance(r, Document)], [r for r in records if isinstance(r, BadRecord)]


BAD_LINES: dict[str, tuple[bytes, str]] = {
    "malformed": (b'{"_id": "1", "text": "x"', "malformed JSON at column 25: unexpected end of data"),
    "nan": (b'{"_id": "1", "text": "x", "n": NaN}', "malformed JSON at column 32"),
    "array": (b"[1]", "not a JSON object but an array"),
    "bare value": (b"12", "not a JSON object but a bare value"),
    "invalid utf-8": (b'{"_id": "1", "text": "x\xff"}', "invalid UTF-8: byte 0xff at byte offset 23"),
    "cut utf-8": (b'{"_id": "1", "text": "\xc3"}', "invalid UTF-8: byte 0xc3 at byte offset 22"),
    "lone surrogate": (b'{"_id": "1", "text": "\\ud800"}', "lone surrogate in a string at column 2"),
    "NUL": (b'{"_id": "1", "text": "ab\\u0000"}', "text holds a NUL character at position 2"),
    "NUL in title": (b'{"_id": "1", "title": "\\u0000", "text": "x"}', "title holds a NUL character"),
    "NUL in metadata": (b'{"_id": "1", "text": "x", "m": ["\\u0000"]}', "metadata field 'm' holds a NUL"),
    "no id": (b'{"text": "x"}', "no id: expected the field `_id`"),
    "null id": (b'{"_id": null, "text": "x"}', "id is null, expected a string or an integer"),
    "boolean id": (b'{"_id": true, "text": "x"}', "id is a boolean"),
    "fractional id": (b'{"_id": 1.5, "text": "x"}', "id is a number"),
    "empty id": (b'{"_id": "", "text": "x"}', "id is empty"),
    "blank id": (b'{"_id": "  ", "text": "x"}', "id is empty"),
    "tab in id": (b'{"_id": "a\\tb", "text": "x"}', "id holds the control character U+0009 at position 1"),
    "newline in id": (b'{"_id": "ab\\n", "text": "x"}', "id holds the control character U+000A at position 2"),
    "line separator in id": (b'{"_id": "\\u2028", "text": "x"}', "id is empty"),
    "long id": (orjson.dumps({"_id": "x" * 4097, "text": "x"}), "id of 4,097 characters, at most 4,096"),
    "no text": (b'{"_id": "1", "title": "t"}', "no text: expected the field `text`"),
    "null text": (b'{"_id": "1", "text": null}', "text is null, expected a string"),
    "list as text": (b'{"_id": "1", "text": ["a"]}', "text is an array, expected a string"),
    "number as title": (b'{"_id": "1", "title": 3, "text": "x"}', "title is an integer, expected a string"),
    "empty": (b'{"_id": "1", "title": "", "text": ""}', "text and title are both empty"),
    "blank": (b'{"_id": "1", "title": null, "text": " \\n\\u00a0"}', "text and title are both empty"),
    "long text": (
        orjson.dumps({"_id": "1", "text": "x" * 1001}),
        "text of 1,001 characters; max_text_chars allows 1,000",
    ),
    "long title": (orjson.dumps({"_id": "1", "title": "x" * 1001, "text": "x"}), "title of 1,001 characters"),
    "object in metadata": (b'{"_id": "1", "text": "x", "m": {"a": 1}}', "metadata field 'm' is an object"),
    "nested": (b'{"_id": "1", "text": "x", "metadata": {"m": [[1]]}}', "metadata field 'm' is an array"),
    "null in a list": (b'{"_id": "1", "text": "x", "m": [null]}', "metadata field 'm' is an array"),
    "duplicate": (b'{"_id": "good", "text": "x"}', "duplicate id 'good', first at {path}:1"),
    "string for integer": (
        b'{"_id": "1", "text": "x", "year": "1999"}',
        "'year' is a string (1999), declared as integer",
    ),
    "fraction for integer": (
        b'{"_id": "1", "text": "x", "year": 1.5}',
        "'year' is a number (1.5), declared as integer",
    ),
    "boolean for integer": (
        b'{"_id": "1", "text": "x", "year": true}',
        "'year' is a boolean (True), declared as integer",
    ),
    "beyond 64 bits": (b'{"_id": "1", "text": "x", "year": 9223372036854775808}', "declared as integer"),
    "boolean for number": (b'{"_id": "1", "text": "x", "price": false}', "declared as number"),
    "list for string": (b'{"_id": "1", "text": "x", "kind": ["a"]}', "'kind' is an array (['a']), declared as string"),
    "integer for boolean": (b'{"_id": "1", "text": "x", "open": 1}', "'open' is an integer (1), declared as boolean"),
}
DECLARED = {"year": "integer", "price": "number", "kind": "string", "open": "boolean"}


@pytest.mark.parametrize("kind", BAD_LINES)
def test_bad_line(tmp_path: Path, kind: str) -> None:
    """The bad line is named with its reason, the good ones around it are read."""
    line, reason = BAD_LINES[kind]
    path = tmp_path / "corpus.jsonl"
    path.write_bytes(b"\n".join([GOOD, line, LAST]))
    documents, bad = read(path, max_text_chars=1000, metadata=DECLARED)
    assert [document.id for document in documents] == ["good", "last"]
    assert [record.source for record in bad] == [f"{path}:2"]
    assert reason.replace("{path}", str(path)) in bad[0].reason
    assert bad[0].raw == line.decode("utf-8", "replace")[:200]


def test_declared_metadata_of_the_right_type(tmp_path: Path) -> None:
    """The right types, an integer for a number, a null and an absence all pass."""
    path = tmp_path / "corpus.jsonl"
    path.write_bytes(
        b'{"_id": "1", "text": "x", "year": -9223372036854775808, "price": 3, "kind": "", "open": false}\n'
        b'{"_id": "2", "text": "x", "year": null}\n{"_id": "3", "text": "x", "price": 0.5}'
    )
    documents, bad = read(path, metadata=DECLARED)
    assert not bad
    assert [d.metadata for d in documents] == [
        {"year": -(2**63), "price": 3, "kind": "", "open": False}, {}, {"price": 0.5},
    ]  # fmt: skip


def test_a_bad_record_does_not_take_an_id(tmp_path: Path) -> None:
    """The id of a refused record is still free for a good one."""
    path = tmp_path / "corpus.jsonl"
    path.write_bytes(b'{"_id": "1", "text": ""}\n{"_id": "1", "text": "good"}\n')
    documents, bad = read(path)
    assert [d.text for d in documents] == ["good"] and len(bad) == 1


def test_duplicate_in_another_file(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"id": "0", "contents": "x"}\n{"id": "1", "contents": "x"}\n')
    (tmp_path / "b.jsonl").write_bytes(b'{"id": 1, "contents": "x"}\n')
    _, (bad,) = read(tmp_path)
    assert (bad.source, bad.reason) == (
        f"{tmp_path / 'b.jsonl'}:1",
        f"duplicate id '1', first at {tmp_path / 'a.jsonl'}:2",
    )


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_an_endless_line_is_skipped_without_being_held(tmp_path: Path, suffix: str) -> None:
    """A 50 MB line is one bad record; what follows is read."""
    path = tmp_path / f"corpus.jsonl{suffix}"
    content = GOOD + b"\n" + b'{"_id": "1", "text": "' + b"x" * 50_000_000 + b'"}\n' + LAST + b"\n"
    path.write_bytes(gzip.compress(content, 1) if suffix else content)
    documents, bad = read(path)
    assert [d.id for d in documents] == ["good", "last"]
    assert [record.source for record in bad] == [f"{path}:2"]
    assert bad[0].reason == "line longer than 13,048,576 bytes, the most that max_text_chars allows"
    assert bad[0].raw == '{"_id": "1", "text": "' + "x" * 178


def test_the_longest_text_fits_in_its_escapes(tmp_path: Path) -> None:
    """A text of max_text_chars characters passes, even where JSON spends twelve bytes on each."""
    path = tmp_path / "corpus.jsonl"
    path.write_bytes(b'{"_id": "1", "text": "' + b"\\ud83d\\ude00" * 200_000 + b'"}\n')
    (document,), bad = read(path, max_text_chars=200_000)
    assert not bad and document.text == "\N{GRINNING FACE}" * 200_000


@pytest.mark.parametrize("codec", ["gzip", "zstd"])
def test_truncated_compression_ends_the_file_with_its_place(tmp_path: Path, codec: str) -> None:
    """All whole lines are read, then one bad record, then nothing."""
    noise = random.Random(7)
    lines = [orjson.dumps({"_id": str(n), "text": noise.randbytes(300).hex()}) + b"\n" for n in range(1000)]
    path = tmp_path / f"corpus.jsonl{'.gz' if codec == 'gzip' else '.zst'}"
    packed = bytes(pa.compress(b"".join(lines), codec, asbytes=True))
    path.write_bytes(packed[: len(packed) // 2])
    documents, bad = read(path)
    assert [d.id for d in documents] == [str(n) for n in range(len(documents))]
    assert len(bad) == 1
    assert bad[0].source == f"{path}:{len(documents) + 1}" if documents else str(path)
    assert "runcated" in bad[0].reason


def test_no_gzip_at_all(tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl.gz"
    path.write_bytes(GOOD)
    documents, bad = read(path)
    assert not documents
    assert [record.source for record in bad] == [str(path)]
    assert "incorrect header check" in bad[0].reason


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.jsonl", b'{"id": "1", "contents": "x"}'), ("a.tsv", b"1\tx"), ("a.txt", b"x"), ("a.json", b'[{"id": "1"}]')],
)
def test_a_file_that_vanished(tmp_path: Path, name: str, content: bytes) -> None:
    """A file that cannot be opened when its turn comes is a bad record, and the next file is read."""
    (tmp_path / name).write_bytes(content)
    (tmp_path / f"b{Path(name).suffix}").write_bytes(content.replace(b"1", b"2"))
    config = CorpusConfig(format={"a.tsv": "tsv", "a.txt": "files"}.get(name, "jsonl"))
    corpus = open_corpus(str(tmp_path), config)
    (tmp_path / name).unlink()
    first, second = corpus.records()
    assert isinstance(first, BadRecord) and first.source == str(tmp_path / name)
    assert "No such file or directory" in first.reason
    assert second.source.startswith(str(tmp_path / "b"))


def test_tsv_columns(tmp_path: Path) -> None:
    """The first line sets the number of columns; encoding and ids are judged as in JSON."""
    path = tmp_path / "x.tsv"
    path.write_bytes(b"one column\n1\ttext\n2\ttoo\tmany\n\ttext\n3\t\xff\n4\t\n5\tgood\n")
    documents, bad = read(path)
    assert [d.id for d in documents] == ["1", "5"]
    assert [(record.source, record.reason) for record in bad] == [
        (f"{path}:1", f"1 columns; expected {EXPECTED}"),
        (f"{path}:3", "3 columns where the file began with 2"),
        (f"{path}:4", "id is empty"),
        (f"{path}:5", "invalid UTF-8: byte 0xff at byte offset 2"),
        (f"{path}:6", "text and title are both empty"),
    ]  # fmt: skip


def test_parquet_rows(tmp_path: Path) -> None:
    """Rows are judged one by one, strings that are no UTF-8 included."""
    broken = pa.Array.from_buffers(
        pa.string(), 3, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0"), pa.py_buffer(b"a\xffc")]
    )
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"id": ["1", "2", "1"], "text": broken}), path)
    documents, bad = read(path)
    assert [d.text for d in documents] == ["a"]
    assert [(record.source, record.reason) for record in bad] == [
        (f"{path}:2", "invalid UTF-8: byte 0xff at byte offset 0 of a string"),
        (f"{path}:3", f"duplicate id '1', first at {path}:1"),
    ]


def test_parquet_without_columns_or_content(tmp_path: Path) -> None:
    pq.write_table(pa.table({"name": ["1"], "text": ["x"]}), tmp_path / "a.parquet")
    (tmp_path / "b.parquet").write_bytes(b"PAR1 this is none")
    documents, (first, second) = read(tmp_path)
    assert not documents
    assert first.source == str(tmp_path / "a.parquet")
    assert "expected one of _id, id, docid, docno" in first.reason and "found name, text" in first.reason
    assert second.source == str(tmp_path / "b.parquet") and "cannot be read" in second.reason


def test_parquet_damaged_in_the_middle(tmp_path: Path) -> None:
    """A bit pattern that no page can have ends the file with a bad record, not with an exception."""
    path = tmp_path / "x.parquet"
    noise = random.Random(7)
    table = pa.table({"id": [str(n) for n in range(5000)], "text": [noise.randbytes(50).hex() for _ in range(5000)]})
    pq.write_table(table, path, row_group_size=1000, compression="zstd")
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 20_000] = b"\xff" * 20_000
    path.write_bytes(data)
    documents, bad = read(path)
    assert 1000 <= len(documents) < 4000
    assert len(bad) == 1 and bad[0].source == f"{path}:{len(documents) + 1}"


def test_bad_files(tmp_path: Path) -> None:
    """Whole files that cannot be documents."""
    (tmp_path / "a.txt").write_bytes(b"abc\xffdef")
    (tmp_path / "b.md").write_text(" \n")
    (tmp_path / "c.html").write_text("<html><body></body></html>")
    (tmp_path / "d.txt").write_bytes(b"x" * (12 * 1000 + (1 << 20) + 1))
    (tmp_path / "e\n.txt").write_text("a newline in the name")
    (tmp_path / "f.html").write_bytes(b'<meta charset="ascii"><p>d\xe9j\xe0 vu')
    (tmp_path / "g.txt").write_text("good")
    documents, bad = read(tmp_path, max_text_chars=1000)
    assert [d.id for d in documents] == ["g.txt"]
    assert [(Path(record.source).name, record.reason.partition(";")[0]) for record in bad] == [
        ("a.txt", "invalid UTF-8: byte 0xff at byte offset 3"),
        ("b.md", "text and title are both empty"),
        ("c.html", "text and title are both empty"),
        ("d.txt", "file longer than 1,060,576 bytes, the most that max_text_chars allows"),
        ("e\n.txt", "id holds the control character U+000A at position 1"),
        ("f.html", "not the ascii that it declares"),
    ]


def test_every_bad_record_can_be_written(tmp_path: Path) -> None:
    """What a table shows of a row is text that UTF-8 holds, whatever the row held."""
    raw = Raw("x.parquet", 1, "1", None, "a\ud800", {}, {"text": "a\ud800"})
    bad = Validator(CorpusConfig()).check(raw)
    assert bad == BadRecord("x.parquet:1", "text holds the lone surrogate U+D800 at position 1", "{'text': 'a\\ud800'}")
    bad = Validator(CorpusConfig()).check(raw._replace(shown="a\ud800"))
    assert isinstance(bad, BadRecord) and orjson.loads(orjson.dumps(bad))["raw"] == "a?"


def test_a_file_name_that_is_no_utf8(tmp_path: Path) -> None:
    """Such a name cannot be an id, and the message about it can be printed."""
    os.close(os.open(os.fsencode(tmp_path) + b"/\xff.txt", os.O_CREAT | os.O_WRONLY))
    (tmp_path / os.fsdecode(b"\xff.txt")).write_text("text")
    _, (bad,) = read(tmp_path)
    assert bad.reason == "id holds the lone surrogate U+DCFF at position 0"
    assert bad.source.encode().decode() == str(tmp_path) + "/\N{REPLACEMENT CHARACTER}.txt"
