"""Collections that come with Tamis, by their names: BEIR's layout, and a corpus that every machine has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from .beir import read_beir
from .content import Content

OWN = Path(__file__).parent.parent / "collections"


def names() -> list[str]:
    """Name the collections that come with Tamis."""
    return sorted(path.name for path in OWN.iterdir() if (path / "qrels").is_dir())


def read_own(name: str, split: str) -> Content:
    """Read one split of an own collection.

    Raises:
        NotFound: there is no such split.
    """
    return replace(read_beir(OWN / name, split), corpus=name)
