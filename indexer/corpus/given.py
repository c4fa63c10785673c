"""Passages that a program holds, as a corpus: written down first, so that a build can be told again what it was."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import orjson

from tamis.errors import InvalidInput

from ..config import CorpusConfig
from .open import Corpus

KNOWN = ("id", "title", "text", "metadata")


def write_given(passages: Iterable[Mapping[str, object]], file: Path, config: CorpusConfig) -> Corpus:
    """Write passages to a file, one by one, and open it as a corpus.

    Args:
        passages: mappings with `id` and `text`, and where there are such `title` and `metadata`; None is as left out.
        file: where they are written.
        config: what of them is kept.

    Raises:
        InvalidInput: one is no mapping, has another key, or holds what JSON cannot.
    """
    if isinstance(passages, str | bytes | Mapping):
        raise InvalidInput(f"passages must be an iterable of dicts, got {type(passages).__name__}")
    with file.open("wb") as out:
        for number, passage in enumerate(passages):
            out.write(_line(number, passage))
    return Corpus(file.name, "jsonl", (file,), config, file.parent, size_bytes=file.stat().st_size)


def _line(number: int, passage: object) -> bytes:
    if not isinstance(passage, Mapping):
        raise InvalidInput(f"passage {number} is {type(passage).__name__}, expected a dict with 'id' and 'text'")
    if unknown := [key for key in passage if key not in KNOWN]:
        raise InvalidInput(f"passage {number} has the key {unknown[0]!r}; known: {', '.join(KNOWN)}; "
                           "put what is your own into 'metadata'")  # fmt: skip
    metadata = passage.get("metadata")
    if metadata is not None and not isinstance(metadata, Mapping):
        raise InvalidInput(f"passage {number} has metadata of type {type(metadata).__name__}, expected a dict")
    record = {key: value for key, value in passage.items() if value is not None}
    if metadata is not None:
        record["metadata"] = dict(metadata)
    try:
        return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError as error:
        raise InvalidInput(f"passage {number} ({str(passage.get('id'))[:80]!r}): {error}") from None
