"""Splits of a data set as the Hugging Face hub lays them out: FOLDER/SPLIT-00000-of-00002.parquet and its kind."""

from __future__ import annotations

import re
from pathlib import Path

from tamis.errors import CorpusError

NAME = re.compile(r"(?P<split>.+?)(-(?P<part>\d{5})-of-(?P<parts>\d{5})(-[0-9a-f]+)?)?\.(parquet|jsonl(\.(gz|zst))?)")


def splits_of(folder: Path) -> dict[str, tuple[Path, ...]]:
    """Find the splits in a folder: each one's files in order, by its name.

    A split is `biology.jsonl`, `biology-00000-of-00002.parquet` with its other parts, or a folder `biology/` of
    `.parquet` and `.jsonl` files; `.jsonl` may be compressed (`.gz`, `.zst`).

    Raises:
        CorpusError: a split lacks one of its parts, or is there twice.
    """
    found: dict[str, list[re.Match[str]]] = {}
    files: dict[str, tuple[Path, ...]] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.is_dir():
            inside = tuple(part for part in sorted(path.iterdir()) if NAME.fullmatch(part.name))
            if inside and not path.name.startswith("."):
                files[path.name] = inside
        elif match := NAME.fullmatch(path.name):
            found.setdefault(match["split"], []).append(match)
    for split, parts in found.items():
        _check_whole(folder, split, parts, split in files)
        files[split] = tuple(folder / part.string for part in parts)
    return files


def _check_whole(folder: Path, split: str, parts: list[re.Match[str]], twice: bool) -> None:
    names = ", ".join(part.string for part in parts)
    expected = int(parts[0]["parts"] or 1)
    numbers = [int(part["part"] or 0) for part in parts]
    if twice or len(set(numbers)) < len(numbers):
        raise CorpusError(f"{folder} holds split {split!r} more than once ({names}); leave one of them")
    if numbers != list(range(expected)):
        raise CorpusError(f"{folder} holds {len(parts)} of the {expected} parts of split {split!r} ({names}); get all")
