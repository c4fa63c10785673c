"""Texts of the caller's own, scored by the second stage's model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .pair_scorer import PairScorer


class Unscorable(Exception):
    """The model gave no score for a text; `place` is the text's position."""

    def __init__(self, place: int) -> None:
        super().__init__(f"text {place} could not be scored")
        self.place = place


@dataclass(frozen=True, slots=True)
class DocumentScores:
    """What a model said of texts, by their position."""

    scores: npt.NDArray[np.float64]
    """float64[texts], from 0 to 1: the model's score through the sigmoid."""
    raw: npt.NDArray[np.float64]
    """float64[texts]: the model's own scores."""
    order: list[int]
    """Positions, best first; ties in the order in which the texts were given."""
    truncated: list[int]
    """Positions of texts that did not fit into the model's window."""
    tokens: int
    """How many the model read."""


def score_documents(
    reader: PairScorer, query: str, texts: Sequence[str], stop: Callable[[], bool] | None = None
) -> DocumentScores:
    """Score texts for a query.

    Raises:
        Unscorable: the model failed at a text.
    """
    found = reader.score_pairs([(query, text) for text in texts], stop)
    if found.failed:
        raise Unscorable(next(iter(found.failed)))
    raw = found.scores.astype(np.float64)
    return DocumentScores(
        scores=1 / (1 + np.exp(-raw)),
        raw=raw,
        order=np.argsort(-raw, kind="stable").tolist(),  # before the sigmoid, which makes ties of what is far out
        truncated=np.flatnonzero(found.passages_cut).tolist(),
        tokens=int(found.tokens.sum()),
    )
