"""Examples to weights: a logistic regression in which every collection counts the same, and so does every class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from tamis.indexer.quality.light import CLIP

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fitted:
    """A logistic regression over standardised features."""

    mean: Values
    deviation: Values
    weights: Values
    bias: float

    def score(self, features: npt.NDArray[np.float32]) -> Values:
        """Return log-odds: float64[passages]."""
        found: Values = standardised(features, self.mean, self.deviation) @ self.weights + self.bias
        return found


def standardised(features: npt.NDArray[np.float32], mean: Values, deviation: Values) -> Values:
    """Return features as standard deviations from their mean, at most CLIP."""
    return np.clip((features - mean) / deviation, -CLIP, CLIP)


def fit(
    features: npt.NDArray[np.float32], answers: npt.NDArray[np.bool_], sources: Sequence[int], ridge: float
) -> Fitted:
    """Fit by maximum likelihood with an L2 penalty on the weights.

    Args:
        features: float32[passages, features].
        answers: bool[passages].
        sources: number of the collection of each passage.
        ridge: penalty, relative to the mean loss.
    """
    mean = features.mean(axis=0, dtype=np.float64)
    deviation = features.std(axis=0, dtype=np.float64)
    deviation[deviation < 1e-6] = 1.0
    values = standardised(features, mean, deviation)
    share = _shares(answers, np.asarray(sources))
    sign = np.where(answers, 1.0, -1.0)

    def loss(parameters: Values) -> tuple[float, Values]:
        margins = sign * (values @ parameters[:-1] + parameters[-1])
        slopes = -share * sign / (1 + np.exp(np.minimum(margins, 500)))
        total = float(share @ np.logaddexp(0, -margins)) + ridge / 2 * float(parameters[:-1] @ parameters[:-1])
        return total, np.append(values.T @ slopes + ridge * parameters[:-1], slopes.sum())

    found = minimize(loss, np.zeros(values.shape[1] + 1), jac=True, method="L-BFGS-B", options={"maxiter": 500})
    return Fitted(mean, deviation, found.x[:-1], float(found.x[-1]))


def _shares(answers: npt.NDArray[np.bool_], sources: npt.NDArray[np.int_]) -> Values:
    """Weigh passages so that each source has the same weight, and in it each class half of it."""
    groups = sources * 2 + answers
    sizes = np.bincount(groups)
    found: Values = 1.0 / sizes[groups]
    found /= found.sum()
    return found


def area(scores: npt.NDArray[np.floating], answers: npt.NDArray[np.bool_]) -> float:
    """Return the area under the ROC curve: the chance that one that answers is above one that does not."""
    from scipy.stats import rankdata

    ranks, good = rankdata(scores), int(answers.sum())
    bad = len(answers) - good
    return float((ranks[answers].sum() - good * (good + 1) / 2) / (good * bad))
