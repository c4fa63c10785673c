"""Indexes that several benchmarks search, built once and kept."""

from __future__ import annotations

from pathlib import Path

from tamis.cli.output import Bars
from tamis.indexer.build import build
from tamis.indexer.config import IndexConfig
from tamis.indexer.corpus.open import open_corpus

from .harness import DATA, WORK


def built(source: str, name: str, **settings: object) -> Path:
    """Build an index under the benchmarks' folder, unless it is there.

    Args:
        source: as `tamis index build` takes it.
        name: folder of the index.
        settings: sections of the configuration, such as `sparse={"engine": "bm25s"}`.
    """
    config = IndexConfig.model_validate(settings)
    build(open_corpus(source, config.corpus), WORK / name, config, Bars())
    return WORK / name


def msmarco_index() -> Path:
    """Index msmarco-mini: 50,285 passages, encoded fast."""
    return built(str(DATA / "msmarco-mini"), "msmarco-mini", encoder={"precision": "fast"})


def pydocs_index() -> Path:
    """Index the demo's corpus."""
    return built("pydocs", "pydocs-exact", encoder={"precision": "exact"})
