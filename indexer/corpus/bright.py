"""BRIGHT's documents, as the Hugging Face hub has them: one split of `documents/` or `long_documents/` per domain."""

from __future__ import annotations

from pathlib import Path

from tamis.errors import CorpusError

from .hub import splits_of

PREFIX = "bright:"
LONG = "long"


def locate_bright(spec: str) -> tuple[str, tuple[Path, ...]]:
    """Find the format and files of one domain's documents.

    Args:
        spec: `FOLDER/DOMAIN`, or `FOLDER/DOMAIN@long` for whole pages instead of passages.

    Raises:
        CorpusError: there is no such folder or domain.
    """
    parent, _, last = spec.rpartition("/")
    domain, _, variant = last.partition("@")
    folder = Path(parent) / ("long_documents" if variant == LONG else "documents")
    if variant not in {"", LONG}:
        raise CorpusError(f"corpus {PREFIX}{spec!r}: expected nothing or `long` after the @, got {variant!r}")
    found = splits_of(folder)
    if domain not in found:
        known = ", ".join(sorted(found)) or "none"
        raise CorpusError(
            f"corpus {PREFIX + spec!r}: {folder} has no domain {domain!r}; its domains: {known}. "
            f"Expected {PREFIX}FOLDER/DOMAIN, where FOLDER/documents holds BRIGHT's files"
        )
    files = found[domain]
    return "parquet" if files[0].suffix == ".parquet" else "jsonl", files
