"""mteb's layout on the Hugging Face hub: corpus/, queries/, data/; of FollowIR also instruction/ and qrel_diff/."""

from __future__ import annotations

from pathlib import Path

from tamis.errors import NotFound
from tamis.indexer.corpus.hub import splits_of

from .content import Content
from .followir import pairs_of, with_instruction
from .judgments import collect as collect_judgments
from .queries import collect as collect_queries
from .rows import Row, field, read_rows, strings

QRELS = ("data", "default", "qrels")
"""Folders in which the judgments may be: the hub calls the default part `data`."""


def is_mteb(folder: Path) -> bool:
    """Tell whether a folder has this layout."""
    return bool(splits_of(folder / "queries")) and any(splits_of(folder / name) for name in QRELS)


def read_mteb(folder: Path, split: str) -> Content:
    """Read one split; where there are instructions, each query's is appended to its text.

    Raises:
        NotFound: there is no such split.
        InvalidInput: a row lacks a field.
    """
    found = next(splits for name in QRELS if (splits := splits_of(folder / name)))
    if split not in found:
        raise NotFound(f"{folder} has no split {split!r}; its splits: {', '.join(sorted(found))}")
    judged = read_rows(found[split], "query-id", "corpus-id", "score")
    qrels, odd_judgments = collect_judgments(map(_judgment, judged), f"{folder}, {split}")
    instructions = {
        str(field(row, "query-id")): field(row, "instruction") for row in _part(folder, "instruction", split)
    }
    records = (
        (row[0], id_, with_instruction(field(row, "text"), instructions.get(str(id_))))
        for row in _part(folder, "queries", split)
        for id_ in [field(row, "_id", "id")]
    )
    texts, odd_queries = collect_queries(records, f"{folder}, queries")
    changes = {str(field(row, "query-id")): strings(row, "corpus-ids") for row in _part(folder, "qrel_diff", split)}
    pools = {str(field(row, "query-id")): strings(row, "corpus-ids") for row in _part(folder, "top_ranked", split)}
    others = [files for name, files in found.items() if name != split]
    elsewhere = frozenset(str(field(row, "query-id")) for files in others for row in read_rows(files, "query-id"))
    return Content(
        folder.resolve().name, split, str(folder), texts, qrels, pairs=pairs_of(changes), pools=pools,
        elsewhere=elsewhere, warnings=(*odd_judgments, *odd_queries),
    )  # fmt: skip


def _part(folder: Path, part: str, split: str) -> list[Row]:
    """Read a part of the data set: its split of that name, or the only one it has."""
    found = splits_of(folder / part)
    files = next(iter(found.values())) if len(found) == 1 else found.get(split, ())
    return list(read_rows(files))


def _judgment(row: Row) -> tuple[str, str, str, object]:
    return row[0], str(field(row, "query-id")), str(field(row, "corpus-id")), field(row, "score")
