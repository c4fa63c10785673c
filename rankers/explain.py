"""What the steps said of a passage, as hits carry it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .blend.blend import STAGE as BLEND
from .blend.blend import Blend
from .blend.explained import Explained, explain
from .hits import SearchResult, StageScore
from .pipeline import Answer, Pipeline
from .ranking import Candidates, Query, Rows


def stage_scores(ranking: Candidates, stages: Sequence[str]) -> list[dict[str, StageScore | None]]:
    """Return rank and score that each step gave, for every candidate of a ranking; None: it gave none."""
    said = [_scores_of(ranking, name) for name in stages]
    return [dict(zip(stages, each, strict=True)) for each in zip(*said, strict=True)]


def _scores_of(ranking: Candidates, name: str) -> list[StageScore | None]:
    if name not in ranking.features:  # left out for want of time
        return [None] * len(ranking)
    scores, ranks = ranking.features[name].tolist(), ranking.features[f"{name}_rank"].tolist()
    return [
        None if math.isnan(score) else StageScore(int(rank), score) for rank, score in zip(ranks, scores, strict=True)
    ]


def explained(path: Pipeline, answer: Answer, place: int, query: Query, rows: list[int]) -> list[Explained | None]:
    """Take the blend's scores of some candidates apart; None for each that it did not score.

    Args:
        path: that answered.
        answer: of a batch.
        place: of the query in the batch.
        query: what was asked.
        rows: of the candidates.
    """
    nothing: list[Explained | None] = [None for _ in rows]
    if not isinstance(path.blend, Blend) or BLEND not in answer.stages:
        return nothing
    scored = answer.stages[BLEND][place]
    if np.isnan(scored.features[BLEND]).any():
        return nothing
    return explain(path.blend, query, scored, rows)


def with_parts(
    path: Pipeline, answer: Answer, place: int, query: Query, result: SearchResult, rows: Rows
) -> SearchResult:
    """Add to each hit, of which `rows` are the numbers, what the groups of features added to the blend's score."""
    found = explained(path, answer, place, query, rows.tolist())
    hits = [
        hit if one is None else replace(hit, explain=one.groups) for hit, one in zip(result.hits, found, strict=True)
    ]
    return replace(result, hits=hits)
