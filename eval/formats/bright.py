"""BRIGHT's layout (Su et al. 2024): examples/ with gold and excluded ids, documents/, queries that models rewrote."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tamis.errors import InvalidInput, NotFound
from tamis.indexer.corpus.bright import LONG, PREFIX
from tamis.indexer.corpus.hub import splits_of

from .content import Content
from .judgments import Row as Judgment
from .judgments import collect as collect_judgments
from .queries import collect as collect_queries
from .rows import Row, field, read_rows, strings

DOMAINS = (
    "biology", "earth_science", "economics", "psychology", "robotics", "stackoverflow", "sustainable_living",
    "leetcode", "pony", "aops", "theoremqa_questions", "theoremqa_theorems",
)  # fmt: skip
"""The twelve over which BRIGHT's average is taken."""

EXAMPLES = "examples"
NOTHING = frozenset({"N/A", ""})
"""What stands in a list of ids where there are none."""


def is_bright(folder: Path) -> bool:
    """Tell whether a folder has this layout."""
    return (folder / EXAMPLES).is_dir() and ((folder / "documents").is_dir() or (folder / "long_documents").is_dir())


def read_bright(folder: Path, split: str) -> Content:
    """Read one domain.

    Args:
        folder: as the Hugging Face hub has it.
        split: `biology`; `biology@gpt4_reason` for the rewritten queries of that folder; `biology@long` for
            whole pages instead of passages; both as `biology@gpt4_reason@long`.

    Raises:
        NotFound: there is no such domain or folder of rewritten queries.
        InvalidInput: a row lacks a field, or a gold id is excluded.
    """
    domain, *variants = split.split("@")
    long = LONG in variants
    rewriters = [variant for variant in variants if variant != LONG]
    if len(rewriters) > 1 or len(variants) != len(set(variants)):
        raise InvalidInput(f"split {split!r}: expected DOMAIN, DOMAIN@FOLDER, DOMAIN@long or DOMAIN@FOLDER@long")
    source = rewriters[0] if rewriters else EXAMPLES
    gold = "gold_ids_long" if long else "gold_ids"
    rows = _rows(folder, source, domain, gold)
    name = f"{folder / source}, {domain}"
    texts, odd_queries = collect_queries(((row[0], field(row, "id"), field(row, "query")) for row in rows), name)
    qrels, odd_judgments = collect_judgments(_judgments(rows, gold), f"{name}, {gold}")
    warnings = [*odd_queries, *odd_judgments]
    if rewriters and domain in splits_of(folder / EXAMPLES):
        warnings += _against_originals(qrels, _rows(folder, EXAMPLES, domain, gold), gold, source)
    corpus = f"{PREFIX}{folder}/{domain}" + (f"@{LONG}" if long else "")
    return Content(
        folder.resolve().name, split, corpus, texts, qrels, _excluded(rows, qrels, name), warnings=tuple(warnings)
    )


def _rows(folder: Path, source: str, domain: str, gold: str) -> list[Row]:
    found = splits_of(folder / source)
    if not found:
        folders = sorted(path.name for path in folder.iterdir() if path.is_dir() and path.name.endswith("_reason"))
        raise NotFound(f"{folder} has no queries in {source!r}; rewritten ones are in {', '.join(folders) or 'none'}")
    if domain not in found:
        raise NotFound(f"{folder / source} has no domain {domain!r}; its domains: {', '.join(sorted(found))}")
    return list(read_rows(found[domain], "id", "query", gold, "excluded_ids"))


def _judgments(rows: Iterable[Row], gold: str) -> Iterable[Judgment]:
    for row in rows:
        for passage in strings(row, gold):
            if passage not in NOTHING:
                yield row[0], str(field(row, "id")), passage, 1


def _excluded(rows: Iterable[Row], qrels: dict[str, dict[str, int]], name: str) -> dict[str, frozenset[str]]:
    excluded = {}
    for row in rows:
        query = str(field(row, "id"))
        if ids := frozenset(strings(row, "excluded_ids")) - NOTHING:
            excluded[query] = ids
            if both := sorted(ids & qrels.get(query, {}).keys()):
                raise InvalidInput(f"{name}: query {query!r} has {len(both)} gold ids excluded, the first {both[0]!r}")
    return excluded


def _against_originals(qrels: dict[str, dict[str, int]], rows: list[Row], gold: str, source: str) -> list[str]:
    """Warn where rewritten queries bring other judgments than the original ones (both have been published)."""
    originals, _ = collect_judgments(_judgments(rows, gold), EXAMPLES)
    other = sum(qrels.get(query) != judged for query, judged in originals.items())
    if not other:
        return []
    return [f"the gold ids of {other} queries differ between {EXAMPLES} and {source}; those of {source} are used"]
