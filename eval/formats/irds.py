"""Queries and judgments that ir-datasets provides: `irds:msmarco-passage/trec-dl-2019/judged`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tamis.errors import InvalidInput, NotFound
from tamis.indexer.corpus.irds import PREFIX, load_dataset, named_failures

from .content import Content
from .judgments import collect as collect_judgments
from .queries import Record
from .queries import collect as collect_queries

EXCLUDED = "excluded from evaluation"
"""How ir-datasets describes a grade that is none: of BRIGHT's passages to remove before scoring."""


def read_irds(id: str, split: str) -> Content:  # noqa: A002
    """Read a data set by its id, without the prefix.

    Args:
        id: what has judgments (`beir/scifact/test`), or what has them below it (`beir/scifact`).
        split: what to append to an id that has no judgments itself; else it must be `test`, which says nothing, or
            be part of the id.

    Raises:
        NotFound: ir-datasets knows no such id, or there are no judgments or queries.
        InvalidInput: the split contradicts the id.
        CorpusError: the data cannot be got or read.
    """
    id, dataset = _judged_dataset(id, split)  # noqa: A001
    source = PREFIX + id
    with named_failures(id):
        texts, odd_queries = collect_queries(_records(dataset, source), source)
        leave_out = {grade for grade, meaning in _meanings(dataset).items() if EXCLUDED in str(meaning).lower()}
        rows = [(source, row.query_id, row.doc_id, row.relevance) for row in dataset.qrels_iter()]
    qrels, odd_judgments = collect_judgments((row for row in rows if row[3] not in leave_out), source)
    excluded: dict[str, set[str]] = {}
    for _, query, passage, grade in rows:
        if grade in leave_out:
            excluded.setdefault(query, set()).add(passage)
    name, _, last = id.rpartition("/")
    return Content(
        name or last, last, source, texts, qrels, {query: frozenset(ids) for query, ids in excluded.items()},
        warnings=(*odd_queries, *odd_judgments),
    )  # fmt: skip


def _judged_dataset(id: str, split: str) -> tuple[str, Any]:  # noqa: A002
    dataset = load_dataset(id)
    if not dataset.has_qrels():
        id = f"{id}/{split}"  # noqa: A001
        try:
            dataset = load_dataset(id)
        except NotFound as error:
            raise NotFound(f"{PREFIX}{id.rpartition('/')[0]} has no judgments itself, and {error}") from None
    elif split != "test" and split not in id.split("/"):
        raise InvalidInput(f"{PREFIX}{id} names its judgments itself; split {split!r} is no part of it: leave it out")
    if not dataset.has_qrels() or not dataset.has_queries():
        lacking = "queries" if dataset.has_qrels() else "judgments"
        raise NotFound(f"{PREFIX}{id} has no {lacking}; name a data set that has both")
    return id, dataset


def _meanings(dataset: Any) -> dict[int, object]:
    try:
        return dict(dataset.qrels_defs())
    except NotImplementedError:
        return {}


def _records(dataset: Any, source: str) -> Iterator[Record]:
    for query in dataset.queries_iter():
        text = query.default_text() if hasattr(query, "default_text") else query.text
        yield source, query.query_id, text
