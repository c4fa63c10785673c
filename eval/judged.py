"""Queries and judgments of one split of a collection, in BEIR layout."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

import orjson

from tamis.errors import InvalidInput, NotFound
from tamis.models.digest import sha256_json
from tamis.rankers.ranking import Query

OWN = Path(__file__).parent / "collections"
"""Collections that come with Tamis."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A judged collection's split."""

    name: str
    split: str
    corpus: str
    """What to index: as `tamis index build` takes it."""
    queries: tuple[Query, ...]
    """Those with judgments, in ascending order of their ids."""
    qrels: dict[str, dict[str, int]]
    """Relevance by query id and passage id."""

    @property
    def fingerprint(self) -> str:
        """Hash of queries and judgments."""
        return sha256_json([[(query.id, query.text) for query in self.queries], self.qrels])


def read_judged(collection: str, split: str) -> Judged:
    """Read a collection that comes with Tamis by its name, or a BEIR folder by its path.

    Raises:
        NotFound: there is no such collection or split.
        InvalidInput: a line of the judgments or queries is malformed, or a judged query has no text.
    """
    is_own = collection.isidentifier() and (OWN / collection).is_dir()
    folder = OWN / collection if is_own else Path(collection)
    qrels = _read_qrels(folder, split)
    texts = _read_queries(folder)
    if missing := sorted(qrels.keys() - texts.keys()):
        raise InvalidInput(f"{folder}: {len(missing)} judged queries have no text, the first is {missing[0]!r}")
    queries = tuple(Query(id_, texts[id_]) for id_ in sorted(qrels))
    return Judged(folder.name, split, collection if is_own else str(folder), queries, qrels)


def _read_qrels(folder: Path, split: str) -> dict[str, dict[str, int]]:
    path = folder / "qrels" / f"{split}.tsv"
    if not path.is_file():
        known = ", ".join(sorted(found.stem for found in (folder / "qrels").glob("*.tsv"))) or "none"
        raise NotFound(f"{folder} has no judgments {path.name!r}; its splits: {known}")
    qrels: dict[str, dict[str, int]] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()[1:], start=2):
        try:
            query, passage, score = line.split("\t")
            qrels.setdefault(query, {})[passage] = int(score)
        except ValueError:
            raise InvalidInput(f"{path}:{number}: expected query, passage and a whole number, got {line!r}") from None
    return qrels


def _read_queries(folder: Path) -> dict[str, str]:
    for path in (folder / "queries.jsonl", folder / "queries.jsonl.gz"):
        if path.is_file():
            content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            return dict(_query(line, f"{path}:{number}") for number, line in enumerate(content.splitlines(), start=1))
    raise NotFound(f"{folder} has no queries.jsonl or queries.jsonl.gz")


def _query(line: bytes, where: str) -> tuple[str, str]:
    try:
        values = orjson.loads(line)
        id_, text = str(values["_id"]), values["text"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise InvalidInput(f"{where}: expected an object with `_id` and `text`: {error}") from None
    if not isinstance(text, str) or not text.strip():
        raise InvalidInput(f"{where}: the text of query {id_!r} is empty or no text")
    return id_, text
