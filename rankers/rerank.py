"""Second stage: the best candidates of each query are read together with it, and ranked anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from tamis.indexer.passage import Passage
from tamis.models.scores import PairScores

from .hits import Degradation
from .ranking import Candidates, Query, Scores, canonical
from .stages import Rescored
from .standard import standardised

STAGE = "rerank"
"""Name under which the model's score and rank stand among the features."""

PREVIOUS = "previous"
"""Name of the score that candidates come with, among the weights."""

ALONE: Mapping[str, float] = {STAGE: 1.0}


class ScoresPairs(Protocol):
    """A model that reads query and passage together."""

    @property
    def tokens_read(self) -> int:
        """Tokens read since it was opened."""
        ...

    def score_pairs(self, pairs: Sequence[tuple[str, str]], stop: Callable[[], bool] | None = None, /) -> PairScores:
        """Score pairs of query and passage; NaN where it could not, or `stop` said so."""
        ...


class Reader(ScoresPairs, Protocol):
    """A model that is known by its fingerprint."""

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the model's bundle."""
        ...


class Passages(Protocol):
    """Gives passages by row."""

    def take(self, rows: npt.NDArray[np.int32], /) -> list[Passage]:
        """Return the passages at `rows`, in that order."""
        ...


@dataclass(frozen=True, slots=True)
class Reranked(Rescored):
    """New rankings, and what they cost."""

    scored: int = 0
    """Pairs that the model read."""
    tokens: int = 0
    """Tokens that it read."""
    cut: int = 0
    """Pairs whose passage did not fit the model's window."""


@dataclass(frozen=True, slots=True)
class Reranker:
    """Scores the best `depth` candidates with a model; those below keep their order below the scored ones.

    The final score is the model's own, or a weighted sum of standardised scores: `{"rerank": .7, "previous": .3}`
    mixes in the score that candidates come with, `{"rerank": .8, "sparse": .2}` that of an earlier stage.
    """

    stoppable: ClassVar[bool] = True

    scorer: ScoresPairs
    passages: Passages
    id_rank: npt.NDArray[np.int32]
    depth: int = 100
    weights: Mapping[str, float] = field(default_factory=lambda: ALONE)

    @property
    def tokens_read(self) -> int:
        """Tokens that the model read since it was opened."""
        return self.scorer.tokens_read

    def rescore(
        self, queries: Sequence[Query], candidates: Sequence[Candidates], stop: Callable[[], bool] | None = None
    ) -> Reranked:
        """Rank candidates anew; what `stop` leaves undone keeps its order below what was scored.

        Args:
            queries: what was asked.
            candidates: best first, one list for each query.
            stop: asked between pairs; True ends the model's work.
        """
        heads = [ranking.top(self.depth) for ranking in candidates]
        rows = [ranking.rows for ranking in heads]
        taken = iter(self.passages.take(np.concatenate(rows)) if rows else [])
        pairs = [
            (query.text, next(taken).contents) for query, head in zip(queries, heads, strict=True) for _ in head.rows
        ]
        found = self.scorer.score_pairs(pairs, stop)
        starts = np.cumsum([0, *map(len, heads)])
        rankings = [
            self._ranked(ranking, found.scores[start:end])
            for ranking, start, end in zip(candidates, starts[:-1], starts[1:], strict=True)
        ]
        cut = int(found.passages_cut.sum())
        return Reranked(rankings, _degraded(found), int((found.tokens > 0).sum()), int(found.tokens.sum()), cut)

    def _ranked(self, candidates: Candidates, scores: Scores) -> Candidates:
        """Put the candidates that have a score first; the others follow in their order."""
        judged = np.full(len(candidates), np.nan, np.float32)
        judged[: len(scores)] = scores
        known = np.flatnonzero(~np.isnan(judged))
        rest = np.flatnonzero(np.isnan(judged))
        order = known[canonical(candidates.rows[known], judged[known], self.id_rank)]
        rank = np.full(len(candidates), np.nan, np.float32)
        rank[order] = np.arange(1, len(order) + 1)
        features = {**candidates.features, STAGE: judged, f"{STAGE}_rank": rank}
        final = self._mixed(candidates.take(known), judged[known])
        best = known[canonical(candidates.rows[known], final, self.id_rank)]
        lowest = float(final.min()) if len(known) else 0.0
        # Whole steps below the lowest: any real score there would claim a comparison that nobody made.
        below = np.float32(np.floor(lowest)) - np.arange(1, len(rest) + 1, dtype=np.float32)
        values = np.empty(len(candidates), np.float32)
        values[known], values[rest] = final, below
        return Candidates(candidates.rows, values, features).take(np.concatenate([best, rest]))

    def _mixed(self, candidates: Candidates, judged: Scores) -> Scores:
        """Return the final scores of candidates that the model scored: float32[candidates]."""
        if self.weights.keys() == {STAGE}:
            return judged
        total = np.zeros(len(judged), np.float64)
        given = {**candidates.features, PREVIOUS: candidates.scores, STAGE: judged}
        for name, weight in self.weights.items():
            if name in given or name != "blend":  # a blend that was left out, for want of time or by choice, has no say
                total += weight * standardised(given[name])
        return total.astype(np.float32)


def _degraded(found: PairScores) -> list[Degradation]:
    """Say what the model did less than it should have."""
    notes = []
    kept = "they keep their order below the others"
    if found.stopped:
        left = int(np.isnan(found.scores).sum()) - len(found.failed)
        notes.append(Degradation(STAGE, "out of time", f"{left} of {len(found.scores)} candidates not scored; {kept}"))
    if found.failed:
        place, reason = next(iter(found.failed.items()))
        action = f"{len(found.failed)} candidates not scored, such as number {place}; {kept}"
        notes.append(Degradation(STAGE, reason, action))
    if found.smaller_batches:
        notes.append(Degradation(STAGE, "the GPU ran out of memory", "scored in smaller batches"))
    return notes
