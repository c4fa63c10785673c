"""What `tamis.build` and `tamis.update` do: passages of a program become an index, or change one."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from tamis.indexer.build import build
from tamis.indexer.config import IndexConfig
from tamis.indexer.corpus.given import write_given
from tamis.indexer.manifest import IndexManifest
from tamis.indexer.update import Changes, Updated, update
from tamis.indexer.versions import IndexFolder
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


def update_given(
    path: Path,
    add: Iterable[Mapping[str, object]],
    changed: Iterable[Mapping[str, object]],
    delete: Iterable[str],
    device: Device,
) -> Updated:
    """Write passages down, change an index by them, and delete what was written down."""
    config = IndexManifest.read(IndexFolder(path).current()).config.corpus
    with tempfile.TemporaryDirectory(prefix="tamis-passages-") as folder:
        files = {name: Path(folder) / f"{name}.jsonl" for name in ("add", "update")}
        corpora = [write_given(given, files[name], config) for name, given in (("add", add), ("update", changed))]
        added, updated = (corpus if corpus.size_bytes else None for corpus in corpora)
        return update(path, Changes(added, updated, list(delete)), device=device)
