"""PassageOrder: what a request wants of a ranking beyond its order: what it has already, variety, whole documents."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from tamis.errors import InvalidInput
from tamis.indexer.published import PublishedIndex

from .ranking import Candidates

Grouping = Literal["best", "sum"]

POOL = 100
"""Candidates among which variety is looked for; the others stay below them, in their order."""

SUMMED = 3
"""Best passages of a document whose scores `sum` adds up."""


@dataclass(frozen=True, slots=True)
class PassageOrder:
    """Changes a ranking after the last stage; by default it changes nothing."""

    exclude_ids: Collection[str] = ()
    """Passages, or whole documents, that the asker has already."""
    diversity: float | None = None
    """From 0 to 1: how much being unlike the hits above counts beside the score; None: not at all."""
    documents: Grouping | None = None
    """One hit for each document, its best passage: in the order of that passage (`best`), or of its best three
    passages' added scores (`sum`)."""

    def __post_init__(self) -> None:
        if isinstance(self.exclude_ids, str) or not all(isinstance(id_, str) for id_ in self.exclude_ids):
            raise InvalidInput(f"exclude_ids must be a list of ids, got {self.exclude_ids!r:.80}")
        weight = self.diversity
        if weight is not None and not (isinstance(weight, int | float) and 0 <= weight <= 1):
            raise InvalidInput(f"diversity must be from 0 to 1, got {weight!r}")
        if self.documents not in (None, *get_args(Grouping)):
            raise InvalidInput(f"documents must be one of {', '.join(get_args(Grouping))}, got {self.documents!r:.80}")

    def __bool__(self) -> bool:
        return bool(self.exclude_ids) or self.diversity is not None or self.documents is not None

    def apply(self, ranking: Candidates, index: PublishedIndex) -> Candidates:
        """Change a whole ranking, not its top: so that the order does not depend on how many hits are wanted."""
        if self.exclude_ids:
            ranking = _without(ranking, index, frozenset(self.exclude_ids))
        if self.documents is not None:
            ranking = _grouped(ranking, index, self.documents)
        if self.diversity is not None and len(ranking) > 1:
            ranking = ranking.take(_diverse(ranking, index, float(self.diversity)))
        return ranking


def _without(ranking: Candidates, index: PublishedIndex, gone: frozenset[str]) -> Candidates:
    ids, documents = index.passages.ids_of(ranking.rows), index.passages.documents_of(ranking.rows)
    kept = [place for place, pair in enumerate(zip(ids, documents, strict=True)) if gone.isdisjoint(pair)]
    return ranking.take(np.array(kept, np.intp))


def _grouped(ranking: Candidates, index: PublishedIndex, how: Grouping) -> Candidates:
    places: dict[str, list[int]] = {}
    for place, document in enumerate(index.passages.documents_of(ranking.rows)):
        places.setdefault(document, []).append(place)
    first = np.array([found[0] for found in places.values()], np.intp)
    kept = ranking.take(first)
    if how == "best":
        return kept
    # A score below 0 would punish a document for having more to say, so passages count from the lowest one's score.
    floor = min(0.0, float(ranking.scores.min(initial=0)))
    sums = [float((ranking.scores[found[:SUMMED]] - floor).sum()) for found in places.values()]
    scores = np.array(sums, np.float32)
    order = np.argsort(-scores, kind="stable")  # ties: the document whose best passage is above
    return Candidates(kept.rows[order], scores[order], kept.take(order).features)


def _diverse(ranking: Candidates, index: PublishedIndex, diversity: float) -> npt.NDArray[np.intp]:
    """Order by maximal marginal relevance (Carbonell and Goldstein, 1998).

    Each next hit has the highest (1 - diversity) * score - diversity * similarity, where scores are mapped to 0 to 1
    and similarity is the largest cosine with a hit above.
    """
    head = ranking.top(POOL)
    vectors = index.dense.vectors(head.rows)
    low, high = float(head.scores.min()), float(head.scores.max())
    relevance = (head.scores - low) / (high - low) if high > low else np.ones(len(head), np.float32)
    left, order = np.ones(len(head), np.bool_), np.empty(len(head), np.intp)
    likeness = np.full(len(head), -1.0, np.float32)
    for place in range(len(head)):
        gain = (1 - diversity) * relevance - (diversity * likeness if place else 0)
        chosen = int(np.argmax(np.where(left, gain, -np.inf)))
        order[place], left[chosen] = chosen, False
        likeness = np.maximum(likeness, vectors @ vectors[chosen])
    return np.concatenate([order, np.arange(len(head), len(ranking))])
