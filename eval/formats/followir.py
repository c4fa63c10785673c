"""FollowIR's first layout (Weller et al. 2024): queries with two instructions each, qrels_og/ and qrels_changed/."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tamis.errors import InvalidInput, NotFound

from .content import Content, Pair, Qrels
from .judgments import collect as collect_judgments
from .judgments import tsv_rows
from .lines import first_of
from .queries import Record
from .queries import collect as collect_queries
from .rows import Row, field, read_rows

ORIGINAL, CHANGED = "-og", "-changed"
"""What mteb appends to a question's id under its original and its changed instruction."""

INSTRUCTIONS = {ORIGINAL: "instruction_og", CHANGED: "instruction_changed"}


def is_followir(folder: Path) -> bool:
    """Tell whether a folder has this layout."""
    return (folder / "qrels_og").is_dir() and (folder / "qrels_changed").is_dir()


def read_followir(folder: Path, split: str) -> Content:
    """Read one split: each question becomes two queries, `ID-og` and `ID-changed`.

    Raises:
        NotFound: judgments or queries are missing.
        InvalidInput: a line of them is malformed.
    """
    path = first_of(folder, "queries.jsonl")
    if path is None:
        raise NotFound(f"{folder} has no queries.jsonl")
    rows = list(read_rows([path]))
    texts, warnings = collect_queries(_records(rows), str(path))
    original, odd_original = _judgments(folder / "qrels_og", split)
    changed, odd_changed = _judgments(folder / "qrels_changed", split)
    qrels = {f"{id_}{suffix}": found for suffix, judged in ((ORIGINAL, original), (CHANGED, changed))
             for id_, found in judged.items()}  # fmt: skip
    pools = _pools(folder)
    return Content(
        folder.resolve().name, split, str(folder), texts, qrels,
        pairs=pairs_of(differing(original, changed)), pools=pools, warnings=(*warnings, *odd_original, *odd_changed),
    )  # fmt: skip


def with_instruction(text: str, instruction: str | None) -> str:
    """Join a question and its instruction as mteb does."""
    return f"{text} {instruction}" if instruction is not None else text


def pairs_of(changes: dict[str, list[str]]) -> tuple[Pair, ...]:
    """Name the two queries of each question whose judgments differ, by its id and the passages that differ."""
    return tuple(
        Pair(id_, f"{id_}{ORIGINAL}", f"{id_}{CHANGED}", tuple(passages))
        for id_, passages in sorted(changes.items())
        if passages
    )


def differing(original: Qrels, changed: Qrels) -> dict[str, list[str]]:
    """Find the passages that both judge, and judge differently, by question."""
    return {
        id_: sorted(passage for passage, score in judged.items() if changed.get(id_, {}).get(passage, score) != score)
        for id_, judged in original.items()
    }


def _records(rows: list[Row]) -> Iterator[Record]:
    for row in rows:
        id_, text = field(row, "_id"), field(row, "text")
        if not isinstance(text, str):
            raise InvalidInput(f"{row[0]}: expected a text, got {text!r}")
        for suffix, name in INSTRUCTIONS.items():
            yield row[0], f"{id_}{suffix}", with_instruction(text, field(row, name))


def _judgments(folder: Path, split: str) -> tuple[Qrels, tuple[str, ...]]:
    path = first_of(folder, f"{split}.tsv")
    if path is None:
        raise NotFound(f"{folder} has no {split}.tsv")
    return collect_judgments(tsv_rows(path), str(path))


def _pools(folder: Path) -> dict[str, list[str]]:
    path = first_of(folder, "top_ranked.jsonl")
    pools: dict[str, list[str]] = {}
    for row in read_rows([path]) if path else ():
        for suffix in INSTRUCTIONS:
            pools.setdefault(f"{field(row, 'qid')}{suffix}", []).append(str(field(row, "pid")))
    return pools
