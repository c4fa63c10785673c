"""What the model of the second stage says of the training queries' candidates: each pair is read once."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from tamis.models.scores import PairScores
from tamis.rankers.rerank import Reader


class KeptScores:
    """A model whose scores are kept by pair, so that trials differ in depth and weights at no cost."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._kept: dict[tuple[str, str], float] = {}
        self._seconds = 0.0
        self._read = 0

    @property
    def fingerprint(self) -> str:
        """The model's own."""
        return self._reader.fingerprint

    @property
    def tokens_read(self) -> int:
        """Tokens read since it was opened."""
        return self._reader.tokens_read

    @property
    def seconds_a_pair(self) -> float:
        """Mean wall-clock seconds of a pair among many; 0 before any was read."""
        return self._seconds / self._read if self._read else 0.0

    def score_pairs(self, pairs: Sequence[tuple[str, str]], stop: Callable[[], bool] | None = None, /) -> PairScores:
        """Score pairs, of which only those are read that were not before; counts and reasons are not kept."""
        fresh = [pair for pair in dict.fromkeys(pairs) if pair not in self._kept]
        if fresh:
            start = time.perf_counter()
            scores = self._reader.score_pairs(fresh, stop).scores
            self._seconds += time.perf_counter() - start
            self._read += len(fresh)
            self._kept.update(zip(fresh, scores.tolist(), strict=True))
        found = PairScores.empty(len(pairs))
        found.scores[:] = [self._kept[pair] for pair in pairs]
        return found
