"""PairScorer: a model that reads query and passage together, as a text scorer that counts what it reads."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tamis.errors import InvalidInput
from tamis.models.scorer import Scorer, Stop
from tamis.models.scores import PairScores


class PairScorer:
    """Scores passages with a cross-encoder or monoT5. Safe to use from several threads."""

    def __init__(self, scorer: Scorer) -> None:
        """Score with an open model; `close` closes it.

        Raises:
            InvalidInput: the model does not read the query.
        """
        if not scorer.reads_query:
            settings = scorer.bundle.settings
            scorer.close()
            raise InvalidInput(
                f"{settings.name} is of kind {settings.kind}, which scores passages without a query; "
                "name an encoder, a cross-encoder or a monot5"
            )
        self.scorer = scorer
        self._lock = threading.Lock()
        self._tokens = 0

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the model's bundle."""
        return self.scorer.bundle.fingerprint

    @property
    def tokens_read(self) -> int:
        """Tokens read since it was opened."""
        return self._tokens

    def score(self, query: str, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return the model's scores: float32[texts]; NaN stands for a text that cannot be scored."""
        return self.score_pairs([(query, text) for text in texts]).scores

    def score_pairs(self, pairs: Sequence[tuple[str, str]], stop: Stop | None = None) -> PairScores:
        """Score pairs of any number of queries; `stop` may end the work between two: see `Scorer.score_pairs`."""
        found = self.scorer.score_pairs(pairs, stop)
        with self._lock:
            self._tokens += int(found.tokens.sum())
        return found

    def close(self) -> None:
        """Close the model."""
        self.scorer.close()
