"""Explanation: what every stage said of one passage for one query, also where it is far down or was not found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from .hits import ColdDecision, StageScore
from .pipeline import Answer


@dataclass(frozen=True, slots=True)
class Explanation:
    """Where one passage went."""

    query: str
    id: str
    rank: int | None
    """In the final ranking, 1 is best; None: it is not in it."""
    score: float | None
    stages: dict[str, StageScore | None]
    """Its rank and score after each stage, in pipeline order; None: it was not among those that the stage gave."""
    lost_at: str | None
    """The first stage that dropped it, of those that were given it; None: it came through, or no retriever found it."""
    tier: Literal["hot", "cold"] | None = None
    """In which tier of the index it is; None: there is one."""
    cold: ColdDecision | None = None
    """Whether the cold tier was asked; None: there is none, or the pipeline never asks it."""


def follow(answer: Answer, query: str, id_: str, row: int, arms: int) -> Explanation:
    """Follow one passage through the stages of an answer to one query.

    Args:
        answer: to one query.
        query: its text.
        id_: the passage's id.
        row: the passage's row.
        arms: how many of the stages are retrievers.
    """
    stages: dict[str, StageScore | None] = {}
    for name, rankings in answer.stages.items():
        places = np.flatnonzero(rankings[0].rows == row)
        stages[name] = StageScore(int(places[0]) + 1, float(rankings[0].scores[places[0]])) if len(places) else None
    found, names = any(list(stages.values())[:arms]), list(stages)
    lost = next((name for name in names[arms:] if found and stages[name] is None), None)
    final = answer.rankings[0]
    at = np.flatnonzero(final.rows == row)
    rank = int(at[0]) + 1 if len(at) else None
    score = None if rank is None else float(final.scores[rank - 1])
    return Explanation(query, id_, rank, score, stages, lost, cold=answer.cold_for(0))
