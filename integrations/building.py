"""What `tamis.build` does: passages of a program become an index."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from tamis.indexer.build import build
from tamis.indexer.config import IndexConfig
from tamis.indexer.corpus.given import write_given
from tamis.indexer.manifest import IndexManifest
from tamis.models.session import Device


def build_given(
    passages: Iterable[Mapping[str, object]], path: Path, config: IndexConfig | None, name: str | None, device: Device
) -> IndexManifest:
    """Write passages down, build an index of them, and delete what was written down."""
    config = config or IndexConfig()
    with tempfile.TemporaryDirectory(prefix="tamis-passages-") as folder:
        corpus = write_given(passages, Path(folder) / "passages.jsonl", config.corpus)
        corpus = dataclasses.replace(corpus, name=name or path.resolve().name)
        return build(corpus, path, config, device=device)
