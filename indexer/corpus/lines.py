"""Lines of a plain or compressed file, one at a time and never longer than a bound."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa

from ..passage import BadRecord
from .raw import Meter

BUFFER = 1 << 17
BOM = b"\xef\xbb\xbf"
CODECS = {".gz": "gzip", ".zst": "zstd"}
"""Compressions that are read, by the last suffix of the name."""


class _Counted(io.FileIO):
    """A file that tells a meter what was read of it."""

    def __init__(self, path: Path, meter: Meter) -> None:
        super().__init__(path)
        self._meter = meter

    def readinto(self, buffer: object, /) -> int:
        """Read into `buffer` as `io.FileIO` does."""
        count = super().readinto(buffer) or 0  # type: ignore[arg-type]
        self._meter.add(count)
        return count


def printable(path: Path) -> str:
    """Give a path that can be printed, whatever bytes its name holds."""
    return os.fsencode(path).decode("utf-8", "replace")


def open_bytes(path: Path, meter: Meter) -> BinaryIO:
    """Open a file for reading, decompressed when its suffix is `.gz` or `.zst`.

    Raises:
        OSError: the file cannot be opened; reading raises it too, where compressed data is damaged or ends early.
    """
    stream = io.BufferedReader(_Counted(path, meter), BUFFER)
    if codec := CODECS.get(path.suffix):
        # pyarrow's decompression reads concatenated members like gzip's, at twice the speed
        return cast(BinaryIO, io.BufferedReader(pa.CompressedInputStream(stream, codec), BUFFER))
    return stream


def read_lines(path: Path, limit: int, meter: Meter) -> Iterator[tuple[int, bytes] | BadRecord]:
    """Yield the number (from 1) and the bytes of each line that is not blank.

    Args:
        path: the file; `.gz` and `.zst` are decompressed.
        limit: bytes; a longer line becomes a BadRecord and is skipped without being held.
        meter: is told of the bytes read.
    """
    number = 0
    name = printable(path)
    try:
        with open_bytes(path, meter) as stream:
            while line := stream.readline(limit + 1):
                number += 1
                if number == 1:
                    line = line.removeprefix(BOM)
                if len(line) > limit and not line.endswith(b"\n"):
                    _skip_line(stream)
                    yield too_long(f"{name}:{number}", "line", limit, line)
                elif (line := line.rstrip(b"\r\n")) and not line.isspace():
                    yield number, line
    except OSError as error:
        source = f"{name}:{number + 1}" if number else name
        yield BadRecord(source, f"cannot be read on from here: {error.strerror or error}")


def too_long(source: str, what: str, limit: int, start: bytes = b"") -> BadRecord:
    """Refuse a line or file that is larger than any record can be."""
    return BadRecord(source, f"{what} longer than {limit:,} bytes, the most that max_text_chars allows", excerpt(start))


def excerpt(shown: object) -> str:
    """Give the first 200 characters of what was read, as text that can be written anywhere."""
    if isinstance(shown, bytes):
        return shown[:800].decode("utf-8", "replace")[:200]
    return str(shown)[:200].encode("utf-8", "replace").decode()


def _skip_line(stream: BinaryIO) -> None:
    while (rest := stream.readline(BUFFER)) and not rest.endswith(b"\n"):
        pass
