"""Logged candidates: what the pipeline found for judged queries, with features, as training reads it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tamis.errors import InvalidInput
from tamis.eval.judged import Judged
from tamis.indexer.progress import Report
from tamis.rankers.engine import Engine
from tamis.rankers.features.extract import FeatureExtractor, Features
from tamis.rankers.ranking import Candidates, Query, Scores
from tamis.rankers.standard import standardised
from tamis.rankers.variants import SLOTS, without

from .ndcg import ideal_gain

BATCH = 32
"""Queries that the pipeline is given at once."""

MIXED = "feedback.3"
"""The feature that the linear mix adds to the scores of the first stage, where it is extracted."""

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Logged:
    """All candidates of all queries, one query's after the other's, in the order of the fusion."""

    queries: tuple[Query, ...]
    ends: npt.NDArray[np.int64]
    """Where each query's candidates begin and end: int64[queries + 1]."""
    rows: npt.NDArray[np.int32]
    features: Features
    arms: tuple[str, ...]
    standard: Doubles
    """Score of each arm, and `MIXED`, standardised over the query's candidates as `LinearMix` does it:
    float64[n, arms]."""
    relevance: Scores
    """Grade of each candidate; 0: not relevant, or not judged."""
    ideal: Doubles
    """Discounted gain of the best order of all that is judged, found or not: float64[queries]."""
    relevant: tuple[frozenset[str], ...]
    """Ids of each query's relevant passages, found or not."""
    weights: Doubles
    """How much each query counts: float64[queries]."""

    def candidates_of(self, queries: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the places of the candidates of some queries, in order."""
        parts = [np.arange(self.ends[query], self.ends[query + 1]) for query in queries]
        return np.concatenate(parts) if parts else np.empty(0, np.int64)


def log_candidates(
    engine: Engine,
    judged: Judged,
    extractor: FeatureExtractor,
    report: Report,
    queries: Sequence[Query] | None = None,
    own: Mapping[str, FeatureExtractor] | None = None,
) -> Logged:
    """Run the real first stage over judged queries, and extract the features of all that it finds.

    Args:
        engine: its pipeline runs without blend and reranker.
        judged: queries and judgments.
        extractor: the same that serves.
        report: called with the number of queries done.
        queries: some of the judged ones; None: all.
        own: extractors of single queries, by id, in place of `extractor`: their translations did not learn from them.

    Raises:
        InvalidInput: no relevant passage was found for any query.
    """
    asked = tuple(judged.queries if queries is None else queries)
    pipeline = without(engine.pipeline, SLOTS)
    arms = tuple(pipeline.retrievers)
    columns = {feature.name: column for column, feature in enumerate(extractor.schema)}
    mixed = [MIXED] if MIXED in columns else []
    found: list[tuple[Candidates, Features]] = []
    for start in range(0, len(asked), BATCH):
        batch = asked[start : start + BATCH]
        for query, ranking in zip(batch, pipeline.run(batch).rankings, strict=True):
            reader = extractor if own is None else own.get(query.id, extractor)
            found.append((ranking, reader.extract(query.text, ranking)))
        report(start + len(batch))
    relevance = [_grades(engine, judged, query, one) for query, (one, _) in zip(asked, found, strict=True)]
    if not any((grades > 0).any() for grades in relevance):
        raise InvalidInput(
            f"the index found no relevant passage for any of {len(asked)} queries of {judged.name}, {judged.split}; "
            "is it of this collection?"
        )
    return Logged(
        queries=asked,
        ends=np.cumsum([0, *(len(one) for one, _ in found)], dtype=np.int64),
        rows=np.concatenate([one.rows for one, _ in found]),
        features=np.concatenate([values for _, values in found]),
        arms=(*arms, *mixed),
        standard=np.concatenate(
            [
                np.stack(
                    [
                        *(standardised(one.features[arm]) for arm in arms),
                        *(standardised(values[:, columns[name]]) for name in mixed),
                    ],
                    axis=1,
                )
                for one, values in found
            ]
        ),
        relevance=np.concatenate(relevance),
        ideal=np.array([ideal_gain(judged.qrels[query.id].values()) for query in asked]),
        relevant=tuple(relevant_of(judged, one) for one in asked),
        weights=np.ones(len(asked)),
    )


def joined(logs: Sequence[Logged]) -> Logged:
    """Put the candidates of several collections one after the other; each collection counts as much as any other.

    Rows are those of different indexes afterwards: nothing may be looked up by them.

    Args:
        logs: with the same features and arms.
    """
    first, *others = logs
    if any(log.arms != first.arms or log.features.shape[1] != first.features.shape[1] for log in others):
        raise InvalidInput("candidates of several collections must have the same features and scores of the same arms")
    mean = sum(len(log.queries) for log in logs) / len(logs)
    starts = np.cumsum([0, *(len(log.rows) for log in logs)])
    ends = [log.ends[1:] + start for log, start in zip(logs, starts, strict=False)]
    return Logged(
        queries=tuple(query for log in logs for query in log.queries),
        ends=np.concatenate([np.zeros(1, np.int64), *ends]),
        rows=np.concatenate([log.rows for log in logs]),
        features=np.concatenate([log.features for log in logs]),
        arms=first.arms,
        standard=np.concatenate([log.standard for log in logs]),
        relevance=np.concatenate([log.relevance for log in logs]),
        ideal=np.concatenate([log.ideal for log in logs]),
        relevant=tuple(ids for log in logs for ids in log.relevant),
        weights=np.concatenate([np.full(len(log.queries), mean / len(log.queries)) for log in logs]),
    )


def relevant_of(judged: Judged, query: Query) -> frozenset[str]:
    """Return the ids of a query's relevant passages."""
    return frozenset(id_ for id_, grade in judged.qrels[query.id].items() if grade > 0)


def _grades(engine: Engine, judged: Judged, query: Query, candidates: Candidates) -> Scores:
    known = {
        row: grade for id_, grade in judged.qrels[query.id].items() if (row := engine.index.ids.row_of(id_)) is not None
    }
    return np.array([max(0, known.get(row, 0)) for row in candidates.rows.tolist()], np.float32)


def sampled(logged: Logged, hard: int, others: int, seed: int) -> npt.NDArray[np.int64]:
    """Choose the candidates that are learned from: places, ascending.

    These are all relevant ones, the `hard` first negatives of the fused list, and `others` drawn from the rest. Queries
    without a relevant candidate teach no order and are left out.
    """
    chosen = []
    for number, query in enumerate(logged.queries):
        start, end = logged.ends[number], logged.ends[number + 1]
        grades = logged.relevance[start:end]
        if not (grades > 0).any():
            continue
        negatives = np.flatnonzero(grades <= 0)
        digest = hashlib.sha256(f"{seed}:{query.id}".encode()).digest()
        rest = np.random.default_rng(int.from_bytes(digest[:8])).permutation(negatives[hard:])[:others]
        chosen.append(start + np.sort(np.concatenate([np.flatnonzero(grades > 0), negatives[:hard], rest])))
    return np.concatenate(chosen)
