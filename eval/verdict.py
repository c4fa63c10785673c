"""Verdict: what a stage of a pipeline buys, for how many milliseconds, and whether it is worth keeping."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import stats

from .compare import MARGIN
from .significance import LEVEL, Interval, bootstrap_interval, equivalence, holm, randomisation

Word = Literal["keep", "drop", "undecided"]

POWER = 0.8
"""Chance of finding a difference that is there, for the number of queries that would be needed."""


@dataclass(frozen=True, slots=True)
class Ablated:
    """A pipeline with and without one stage."""

    stage: str
    full: npt.NDArray[np.float64]
    """The measure of each query with the stage: float64[queries]."""
    without: npt.NDArray[np.float64]
    """The same without it."""
    ms: float
    """Milliseconds that the stage adds to the median query."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What may be concluded about one stage."""

    stage: str
    gain: float
    interval: Interval
    """Of the gain, at 95 %."""
    p: float
    """Of the randomisation test, adjusted by Holm for all stages."""
    ms: float
    verdict: Word
    sentence: str


def judge(stages: Sequence[Ablated], measure: str, margin: float = MARGIN) -> list[Verdict]:
    """Judge stages together.

    A stage is kept where its gain is significantly above 0, and dropped where it is significantly
    below 0, or where it costs time and the pipeline without it is equivalent within the margin.

    Args:
        stages: each compared with the same full pipeline.
        measure: by which.
        margin: loss, relative to the full pipeline's mean, that is of no consequence.
    """
    adjusted = holm([randomisation(one.full - one.without) for one in stages])
    return [_judge(one, p, measure, margin) for one, p in zip(stages, adjusted, strict=True)]


def _judge(one: Ablated, p: float, measure: str, margin: float) -> Verdict:
    gains = one.full - one.without
    gain, interval = float(gains.mean()), bootstrap_interval(gains)
    absolute = margin * float(one.full.mean())
    size = f"{gain:+.4f} {measure} [{interval.low:+.4f}, {interval.high:+.4f}], p {p:.3g}, {one.ms:+.1f} ms"
    word, reason = _decide(gains, p, absolute, one.ms)
    sentence = f"{word.capitalize()} {one.stage}: {size}; {reason}."
    if word == "undecided":
        sentence = f"Undecided about {one.stage}: {size}; {reason}."
    return Verdict(one.stage, gain, interval, p, one.ms, word, sentence)


def _decide(gains: npt.NDArray[np.float64], p: float, margin: float, ms: float) -> tuple[Word, str]:
    """Return the verdict and the reason for it."""
    gain = float(gains.mean())
    within = margin > 0 and equivalence(gains, margin) < LEVEL
    if p < LEVEL and gain > 0:
        return "keep", f"it gains, though less than ±{margin:.4f}" if within else "it gains"
    if p < LEVEL and gain < 0:
        return "drop", "it loses"
    if within and ms > 0:
        return "drop", f"without it the pipeline is equivalent within ±{margin:.4f}, and faster"
    if within:
        return "undecided", f"without it the pipeline is equivalent within ±{margin:.4f}, but no faster"
    needed = queries_needed(gains)
    if needed is None:
        return "undecided", "no query differs enough to say how many would be needed"
    return "undecided", f"{needed:,} queries would be needed for this gain (80 % power), there are {len(gains):,}"


def queries_needed(differences: npt.NDArray[np.float64], level: float = LEVEL, power: float = POWER) -> int | None:
    """Return how many queries a paired, two-sided t-test needs to find a difference of this size.

    n = (z(1 - level / 2) + z(power))² / d² + z(1 - level / 2)² / 2, with d the mean over the standard
    deviation (Guenther 1981, "Sample Size Formulas for Normal Theory T Tests").

    Args:
        differences: float64[queries], as observed.
        level: of the test.
        power: chance of finding the difference.

    Returns:
        None where no difference was observed, or its spread is not known.
    """
    mean, deviation = float(differences.mean()), float(differences.std(ddof=1)) if len(differences) > 1 else 0.0
    if deviation == 0 or abs(mean) <= 1e-12 * deviation:
        return None
    z = float(stats.norm.ppf(1 - level / 2))
    return math.ceil(((z + float(stats.norm.ppf(power))) * deviation / mean) ** 2 + z**2 / 2)
