"""MS MARCO's layout: collection.tsv, queries.SPLIT.tsv, qrels.SPLIT.tsv, and files of TREC's Deep Learning tracks."""

from __future__ import annotations

import re
from pathlib import Path

from tamis.errors import NotFound

from .content import Content
from .judgments import collect as collect_judgments
from .judgments import trec_rows
from .lines import first_of
from .queries import collect as collect_queries
from .queries import tsv_records

TREC = {
    "dl19": ("2019qrels-pass.txt", "msmarco-test2019-queries.tsv"),
    "dl20": ("2020qrels-pass.txt", "msmarco-test2020-queries.tsv"),
}
"""Judgments and queries of the tracks, as NIST and MS MARCO name the files."""

QRELS = re.compile(r"qrels\.(?P<split>.+?)\.tsv(\.gz|\.zst)?")


def is_msmarco(folder: Path) -> bool:
    """Tell whether a folder has this layout."""
    return first_of(folder, "collection.tsv") is not None or bool(_splits(folder))


def read_msmarco(folder: Path, split: str) -> Content:
    """Read one split, such as `dev.small` (qrels.dev.small.tsv) or `dl19` (2019qrels-pass.txt).

    Raises:
        NotFound: there is no such split, or its queries are missing.
        InvalidInput: a line of the judgments or queries is malformed.
    """
    judgments, topics = TREC.get(split, ("", ""))
    path = first_of(folder, f"qrels.{split}.tsv", *filter(None, [judgments]))
    if path is None:
        known = ", ".join(_splits(folder)) or "none"
        raise NotFound(f"{folder} has no judgments 'qrels.{split}.tsv'; its splits: {known}")
    expected = [f"queries.{split}.tsv", *filter(None, [topics])]
    queries = first_of(folder, *expected)
    if queries is None:
        raise NotFound(f"{folder} has judgments {path.name} but no queries; looked for {' and '.join(expected)}[.gz]")
    qrels, odd_judgments = collect_judgments(trec_rows(path), str(path))
    texts, odd_queries = collect_queries(tsv_records(queries), str(queries))
    return Content(folder.resolve().name, split, str(folder), texts, qrels, warnings=(*odd_judgments, *odd_queries))


def _splits(folder: Path) -> list[str]:
    named = {match["split"] for path in folder.iterdir() if (match := QRELS.fullmatch(path.name))}
    return sorted(named | {split for split, (judgments, _) in TREC.items() if first_of(folder, judgments)})
