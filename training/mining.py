"""Judgments to training groups: hard negatives from the project's own first stage, and a teacher's scores.

The teacher is the first stage itself, or whatever made a run: a stronger reranker, or an ensemble.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from tamis.errors import InvalidInput
from tamis.eval.judged import Judged
from tamis.eval.trec import Run
from tamis.indexer.progress import Report
from tamis.indexer.published import PublishedIndex
from tamis.rankers.ranking import Query
from tamis.rankers.standard import standardised

from .groups import Group

BATCH = 64
"""Queries that are retrieved for at once."""


@dataclass(frozen=True, slots=True)
class MiningSettings:
    """How candidates become negatives."""

    depth: int = 100
    """Candidates asked of each arm."""
    negatives: int = 7
    """Negatives of a group."""
    hard: int = 20
    """About half of the negatives come from so many best candidates, the others from the rest."""
    ceiling: float = 0.95
    """An unjudged candidate nearer to the query than this share of the positive's similarity is taken for a relevant
    passage that nobody judged, and left out (Moreira et al. 2024, `perc`); 0 keeps all."""
    sparse_weight: float = 0.2
    """The teacher is the cosine plus this share of BM25, both standardised over the candidates."""
    pools: bool = False
    """Negatives are judged passages only, and a query without a relevant one makes groups too."""
    seed: int = 0


@dataclass(frozen=True, slots=True)
class _Pool:
    """The candidates of one query."""

    rows: npt.NDArray[np.int32]
    cosine: npt.NDArray[np.float32]
    teacher: npt.NDArray[np.float32]
    relevance: npt.NDArray[np.float32]
    is_judged: npt.NDArray[np.bool_]


def sampled(judged: Judged, count: int, seed: int) -> Judged:
    """Keep so many of the queries, drawn at random."""
    chosen = random.Random(seed).sample(judged.queries, min(count, len(judged.queries)))
    return replace(judged, queries=tuple(sorted(chosen, key=lambda query: query.id)))


def mine(
    index: PublishedIndex, judged: Judged, settings: MiningSettings, report: Report, teacher: Run | None = None
) -> Iterator[Group]:
    """Yield one group for each relevant passage of each query.

    A group holds the relevant passage first, then negatives: judged ones before candidates of the first stage.

    Args:
        index: of the collection's corpus.
        judged: a train split of it.
        settings: what is taken as a negative.
        report: called with the number of queries done.
        teacher: a run whose passages are the candidates and whose scores are the targets, in place of the first
            stage's; queries that it does not answer are left out, judged passages that it lacks have its lowest score.

    Raises:
        InvalidInput: none of the judged passages is in the index, or the teacher answers none of the queries.
    """
    asked = judged.queries
    if teacher is not None:
        asked = tuple(query for query in asked if len(teacher.rankings.get(query.id, ((),))[0]))
        if not asked:
            raise InvalidInput(
                f"the teacher's run answers none of the {len(judged.queries)} queries of {judged.name}, "
                f"{judged.split}: their ids are such as {judged.queries[0].id!r}, the run's such as "
                f"{next(iter(teacher.rankings), '')!r}"
            )
    found = 0
    for start in range(0, len(asked), BATCH):
        queries = asked[start : start + BATCH]
        pools = (
            _pools(index, judged, queries, settings)
            if teacher is None
            else _taught(index, judged, queries, settings, teacher)
        )
        for query, pool in zip(queries, pools, strict=True):
            found += int(pool.is_judged.sum())
            yield from _groups(index, judged.name, query, pool, settings)
        report(start + len(queries))
    if not found:
        raise InvalidInput(f"no judged passage of {judged.name}, {judged.split}, is in the index {index.folder}")


def _pools(
    index: PublishedIndex, judged: Judged, queries: Sequence[Query], settings: MiningSettings
) -> Iterator[_Pool]:
    vectors = index.encoder.encode([query.text for query in queries], "query")
    dense = index.dense.search(vectors, settings.depth)
    for query, vector, (near, _) in zip(queries, vectors, dense, strict=True):
        known = _known(index, judged, query)
        lexical, scores = index.sparse.search(query.text, settings.depth)
        bm25 = dict(zip(lexical.tolist(), scores.tolist(), strict=True))
        rows = np.array(sorted({*known} if settings.pools else {*known, *near.tolist(), *bm25}), np.int32)
        if len(rows) == 0:
            rows = near[:1]
        cosine = index.dense.scores(rows, vector)
        sparse = standardised(_scores(bm25, rows))
        teacher = standardised(cosine) + settings.sparse_weight * sparse
        yield _pool(rows, cosine, teacher.astype(np.float32), known)


def _taught(
    index: PublishedIndex, judged: Judged, queries: Sequence[Query], settings: MiningSettings, teacher: Run
) -> Iterator[_Pool]:
    vectors = index.encoder.encode([query.text for query in queries], "query")
    for query, vector in zip(queries, vectors, strict=True):
        known = _known(index, judged, query)
        ids, scores = teacher.rankings[query.id]
        best = zip(ids[: settings.depth], scores[: settings.depth].tolist(), strict=True)
        told = {row: score for id_, score in best if (row := index.ids.row_of(id_)) is not None}
        rows = np.array(sorted({*known} if settings.pools else {*known, *told}), np.int32)
        if len(rows) == 0:  # any passage: alone it makes no group
            rows = np.zeros(1, np.int32)
        yield _pool(rows, index.dense.scores(rows, vector), _scores(told, rows), known)


def _known(index: PublishedIndex, judged: Judged, query: Query) -> dict[int, int]:
    """Return the grade of each judged passage that the index has, by row."""
    grades = judged.qrels[query.id].items()
    return {row: grade for id_, grade in grades if (row := index.ids.row_of(id_)) is not None}


def _scores(told: Mapping[int, float], rows: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
    """Look up scores; what was not found scores no more than the last that was."""
    floor = min(told.values(), default=0.0)
    return np.array([told.get(row, floor) for row in rows.tolist()], np.float32)


def _pool(
    rows: npt.NDArray[np.int32], cosine: npt.NDArray[np.float32], teacher: npt.NDArray[np.float32],
    known: Mapping[int, int],
) -> _Pool:  # fmt: skip
    relevance = np.array([known.get(row, 0) for row in rows.tolist()], np.float32)
    is_judged = np.array([row in known for row in rows.tolist()])
    return _Pool(rows, cosine, standardised(teacher).astype(np.float32), relevance, is_judged)


def _groups(index: PublishedIndex, source: str, query: Query, pool: _Pool, settings: MiningSettings) -> Iterator[Group]:
    digest = hashlib.sha256(f"{settings.seed}:{query.id}".encode()).digest()
    generator = np.random.default_rng(int.from_bytes(digest[:8]))
    positives = np.flatnonzero(pool.relevance > 0)
    for positive in positives:
        negatives = _negatives(pool, positive, settings, generator)
        if len(negatives):
            yield _group(index, source, query, pool, np.concatenate([[positive], negatives]))
    if settings.pools and not len(positives) and len(pool.rows) > 1:
        yield _group(index, source, query, pool, generator.permutation(len(pool.rows))[: settings.negatives + 1])


def _negatives(
    pool: _Pool, positive: np.intp, settings: MiningSettings, generator: np.random.Generator
) -> npt.NDArray[np.intp]:
    free = pool.relevance <= 0
    if settings.ceiling:
        free &= pool.is_judged | (pool.cosine < settings.ceiling * pool.cosine[positive])
    order = np.argsort(-pool.teacher, kind="stable")
    order = order[free[order]]
    order = order[np.argsort(~pool.is_judged[order], kind="stable")]
    hard, rest = order[: settings.hard], order[settings.hard :]
    wanted = min(len(hard), max((settings.negatives + 1) // 2, settings.negatives - len(rest)))
    return np.concatenate(
        [
            generator.choice(hard, wanted, replace=False),
            generator.choice(rest, min(len(rest), settings.negatives - wanted), replace=False),
        ]
    )


def _group(index: PublishedIndex, source: str, query: Query, pool: _Pool, places: npt.NDArray[np.intp]) -> Group:
    passages = tuple(passage.contents for passage in index.passages.take(pool.rows[places]))
    return Group(source, query.text, passages, pool.relevance[places], pool.teacher[places])
