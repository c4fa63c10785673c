"""BEIR's layout: corpus.jsonl, queries.jsonl, qrels/SPLIT.tsv; LIMIT and Tamis' own collections have it too."""

from __future__ import annotations

from pathlib import Path

from tamis.errors import NotFound

from .content import Content
from .judgments import collect as collect_judgments
from .judgments import tsv_rows
from .lines import first_of, text_lines
from .queries import collect as collect_queries
from .queries import jsonl_records

SUFFIXES = (".tsv", ".tsv.gz", ".tsv.zst")


def is_beir(folder: Path) -> bool:
    """Tell whether a folder has this layout."""
    return (folder / "qrels").is_dir() or first_of(folder, "queries.jsonl") is not None


def read_beir(folder: Path, split: str) -> Content:
    """Read one split.

    Raises:
        NotFound: there is no such split, or there are no queries.
        InvalidInput: a line of the judgments or queries is malformed.
    """
    path = first_of(folder / "qrels", f"{split}.tsv")
    if path is None:
        known = ", ".join(sorted(_splits(folder))) or "none"
        raise NotFound(f"{folder} has no judgments '{split}.tsv'; its splits: {known}")
    queries = first_of(folder, "queries.jsonl")
    if queries is None:
        raise NotFound(f"{folder} has no queries.jsonl or queries.jsonl.gz")
    qrels, odd_judgments = collect_judgments(tsv_rows(path), str(path))
    texts, odd_queries = collect_queries(jsonl_records(queries), str(queries))
    others = (other for name, other in _splits(folder).items() if name != split)
    # the other splits matter only where a query has no judgment in this one
    elsewhere = frozenset().union(*map(_judged_queries, others)) if texts.keys() - qrels.keys() else frozenset()
    return Content(
        folder.resolve().name, split, str(folder), texts, qrels,
        elsewhere=elsewhere, warnings=(*odd_judgments, *odd_queries),
    )  # fmt: skip


def _splits(folder: Path) -> dict[str, Path]:
    found = sorted((folder / "qrels").glob("*.tsv*"))
    return {path.name.partition(".tsv")[0]: path for path in found if path.name.endswith(SUFFIXES)}


def _judged_queries(path: Path) -> set[str]:
    return {line.partition("\t")[0] for _, line in text_lines(path)}
