"""The linear mix that the forest starts from: weights of the arms, learned on the train queries."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .ndcg import Lists

Doubles = npt.NDArray[np.float64]

STEPS = 21
"""Mixtures of two arms that are tried, both ends with them."""

THIRD = (0.0, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.2)
"""Weights of a third score that are tried, the sum of the two arms taken as 1."""

SCALES = 2.0 ** np.arange(-2, 3.5, 0.5)


def fit_start(
    standard: Doubles, sizes: npt.NDArray[np.int64], relevance: npt.NDArray[np.float32], lists: Lists
) -> Doubles:
    """Choose the mixture by nDCG@10, and its scale by the likelihood of relevant candidates (softmax over the list).

    The scale makes differences of the sum log-odds, which is the unit of what the forest adds.

    Args:
        standard: standardised scores of one or two arms, or of two and a feature: float64[n, scores].
        sizes: candidates of each list.
        relevance: grades: float32[n].
        lists: the same lists, to score orders, with their weights.

    Returns:
        The weights: float64[scores].
    """
    width = standard.shape[1]
    shares = np.linspace(0, 1, STEPS) if width > 1 else np.ones(1)
    mixtures = [np.array([share, 1 - share, 0.0])[:width] for share in shares]
    values = [lists.mean(standard @ mixture) for mixture in mixtures]
    # Where several are about as good, the one in the middle of them: the best of 21 is in part luck.
    good = [mixture for mixture, value in zip(mixtures, values, strict=True) if value >= max(values) - 0.001]
    best = good[len(good) // 2]
    if width > 2:
        unit = float((standard @ best).std()) or 1.0
        thirds = [best + np.array([0.0, 0.0, weight * unit]) for weight in THIRD]
        values = [lists.mean(standard @ mixture) for mixture in thirds]
        # The smallest that is about as good: it must earn its place.
        best = next(each for each, value in zip(thirds, values, strict=True) if value >= max(values) - 0.001)
    likelihoods = [_likelihood(scale * (standard @ best), sizes, relevance, lists.weights) for scale in SCALES]
    return best * float(SCALES[int(np.argmax(likelihoods))])


def _likelihood(
    scores: Doubles, sizes: npt.NDArray[np.int64], relevance: npt.NDArray[np.float32], weights: Doubles
) -> float:
    starts = np.cumsum([0, *sizes[:-1]])
    filled = sizes > 0
    top = np.repeat(np.maximum.reduceat(scores, starts[filled]), sizes[filled])
    total = np.add.reduceat(np.exp(scores - top), starts[filled])
    logs = scores - top - np.repeat(np.log(total), sizes[filled])
    return float((np.repeat(weights, sizes) * logs)[relevance > 0].sum())
