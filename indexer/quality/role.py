"""The role of an estimator: texts in, one number each, more is better."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from tamis.errors import InvalidInput

Scores = npt.NDArray[np.float32]
"""One score a passage: float32[passages]."""


class Estimator(Protocol):
    """Says how likely passages are to answer anything; the score of a text depends on that text alone."""

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    @property
    def fingerprint(self) -> str:
        """Hash of all that decides a score: equal fingerprints give equal scores, so that they may be cached."""
        ...

    def score(self, texts: Sequence[str]) -> Scores:
        """Score texts, in their order; empty ones are legal."""
        ...


@runtime_checkable
class Trained(Protocol):
    """An estimator that learned from queries, which then may prove nothing about it."""

    @property
    def language(self) -> str:
        """The language that it was trained on."""
        ...

    def knows(self, queries: Sequence[str]) -> list[str]:
        """Return those of some queries that it learned from."""
        ...


def checked(estimator: Estimator, texts: Sequence[str]) -> Scores:
    """Score texts, and refuse what is no number.

    Raises:
        InvalidInput: the estimator gave NaN or infinity, or not one number a text.
    """
    scores = np.asarray(estimator.score(texts), np.float32)
    if scores.shape != (len(texts),):
        raise InvalidInput(f"estimator {estimator.name} gave {scores.shape} scores for {len(texts)} passages")
    if bad := np.flatnonzero(~np.isfinite(scores)).tolist():
        raise InvalidInput(
            f"estimator {estimator.name} gave {scores[bad[0]]} for {len(bad)} passages, the first begins "
            f"{texts[bad[0]][:60]!r}; expected a number: nothing is pruned by it. Use another estimator"
        )
    return scores
