"""A folder of text, Markdown and HTML files: every file one document, which is always split."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..passage import BadRecord
from .html import decode_page, extract
from .json_records import utf8_fault
from .lines import BOM, excerpt, printable, too_long
from .raw import Meter, Raw

HTML = frozenset({".html", ".htm"})
MARKDOWN = frozenset({".md"})
SUFFIXES = HTML | MARKDOWN | {".txt"}

FENCE = re.compile(r" {0,3}(```|~~~)")
HEADING = re.compile(r" {0,3}#{1,6}[ \t]+(.+?)[ \t]*#*[ \t]*$")
UNDERLINE = re.compile(r" {0,3}=+[ \t]*$")


def list_files(root: Path) -> list[Path]:
    """List the files below a folder by their paths, without hidden ones; linked folders are not entered."""
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(folder, name) for name in names if not name.startswith(".")]
    return sorted((path for path in found if path.is_file()), key=lambda path: path.relative_to(root).as_posix())


def inside(path: Path, root: Path) -> bool:
    """Tell whether a file of a walk below `root` lies there, and is no link to elsewhere."""
    return not path.is_symlink() or path.resolve().is_relative_to(root.resolve())


def read_files(files: Sequence[Path], root: Path, limit: int, meter: Meter) -> Iterator[Raw | BadRecord]:
    """Yield one record per file, whose id is its path from `root` with forward slashes."""
    for path in files:
        yield _read(path, root, limit, meter)


def _read(path: Path, root: Path, limit: int, meter: Meter) -> Raw | BadRecord:
    name = printable(path)
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        return BadRecord(name, f"cannot be read: {error.strerror or error}")
    meter.add(len(data))
    if len(data) > limit:
        return too_long(name, "file", limit, data)
    try:
        title, text = _title_and_text(path.suffix.lower(), data)
    except UnicodeDecodeError as error:
        wrong = utf8_fault(data, error) if error.encoding == "utf-8" else f"not the {error.encoding} that it declares"
        return BadRecord(name, wrong, excerpt(data))
    except ValueError as error:
        return BadRecord(name, str(error), excerpt(data))
    return Raw(name, 0, path.relative_to(root).as_posix(), title, text, {}, data, is_file=True)


def _title_and_text(suffix: str, data: bytes) -> tuple[str, str]:
    if suffix in HTML:
        return extract(decode_page(data))
    text = _decode(data)
    return (first_heading(text) if suffix in MARKDOWN else ""), text


def _decode(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16")
    return data.removeprefix(BOM).decode()


def first_heading(markdown: str) -> str:
    """Give the first heading of a Markdown text, or nothing."""
    fence, before = "", ""
    for line in markdown.splitlines():
        if marker := FENCE.match(line):
            fence = "" if marker[1] == fence else fence or marker[1]
        elif not fence:
            if heading := HEADING.match(line):
                return heading[1]
            if before and UNDERLINE.match(line):
                return before
        before = "" if fence else line.strip()
    return ""
