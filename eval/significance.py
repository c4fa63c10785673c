"""May a difference be concluded? Paired tests, intervals, equivalence, and the correction for many tests.

All take per-query differences `d = a - b`: float64[queries].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats
from statsmodels.stats.multitest import multipletests

from tamis.errors import InvalidInput

Differences = npt.NDArray[np.float64]

RESAMPLES = 10_000
LEVEL = 0.05
"""Rate of false conclusions that is accepted."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A range that covers the true mean in 95 of 100 experiments."""

    low: float
    high: float


def paired_t(differences: Differences) -> float:
    """Return the two-sided p-value of Student's paired t-test; 1 where all differences are 0."""
    if np.ptp(differences) == 0:
        return 1.0 if differences[0] == 0 else 0.0
    return float(stats.ttest_1samp(differences, 0.0).pvalue)


def randomisation(differences: Differences, seed: int = 0) -> float:
    """Return the two-sided p-value of the paired randomisation test (Fisher 1935; Smucker et al. 2007).

    Signs of the differences are flipped at random 10,000 times; the p-value counts the observed
    arrangement among them, so it is never 0.
    """
    generator = np.random.default_rng(seed)
    observed = abs(differences.sum())
    nonzero = differences[differences != 0]  # zeros keep their value whatever their sign
    extreme = 1
    for start in range(0, RESAMPLES, 1_000):
        size = (min(1_000, RESAMPLES - start), len(nonzero))
        signs = generator.integers(0, 2, size=size, dtype=np.int8).astype(np.float64) * 2 - 1
        extreme += int((np.abs(signs @ nonzero) >= observed * (1 - 1e-12)).sum())
    return extreme / (RESAMPLES + 1)


def bootstrap_interval(values: Differences, seed: int = 0) -> Interval:
    """Return the 95 % percentile bootstrap interval of the mean (Efron 1979), from 10,000 resamples."""
    if np.ptp(values) == 0:
        return Interval(float(values[0]), float(values[0]))
    found = stats.bootstrap(
        (values,), np.mean, n_resamples=RESAMPLES, method="percentile", batch=500, rng=np.random.default_rng(seed)
    )
    return Interval(float(found.confidence_interval.low), float(found.confidence_interval.high))


def non_inferiority(differences: Differences, margin: float) -> float:
    """Return the one-sided p-value for `mean(a) > mean(b) - margin`; `margin` is absolute and above 0."""
    _check_margin(margin)
    if np.ptp(differences) == 0:
        return 0.0 if differences[0] > -margin else 1.0
    return float(stats.ttest_1samp(differences, -margin, alternative="greater").pvalue)


def equivalence(differences: Differences, margin: float) -> float:
    """Return the p-value of two one-sided t-tests (Schuirmann 1987) for `|mean(a) - mean(b)| < margin`."""
    return max(non_inferiority(differences, margin), non_inferiority(-differences, margin))


def _check_margin(margin: float) -> None:
    if not 0 < margin < float("inf"):
        raise InvalidInput(f"a margin must be a finite number above 0, got {margin}")


def effect_size(differences: Differences) -> float:
    """Return Cohen's d of the paired differences: mean over standard deviation; 0 where all are 0."""
    deviation = float(differences.std(ddof=1)) if len(differences) > 1 else 0.0
    mean = float(differences.mean())
    if deviation == 0:
        return 0.0 if mean == 0 else float(np.copysign(np.inf, mean))
    return mean / deviation


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for making all these tests at once (Holm 1979)."""
    if not p_values:
        return []
    return [float(p) for p in multipletests(list(p_values), method="holm")[1]]
