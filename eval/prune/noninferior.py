"""The tests of one share: not worse, equivalent, with what power, and how many queries it would take."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import stats

from tamis.indexer.certificate import PairedTest

from ..significance import LEVEL, bootstrap_interval, equivalence, non_inferiority

Values = npt.NDArray[np.float64]

FEW = 10
"""Changed queries below which Student's test has nothing to stand on, and the exact one has the say."""
POWER = 0.8
MOST_TOPICS = 100_000


def paired_test(pipeline: str, measure: str, whole: Values, pruned: Values, margin: float) -> PairedTest:
    """Test one pipeline by one measure.

    Student's test needs differences to judge by. Where fewer than ten queries changed it may be fooled by queries that
    happen not to ask for what was pruned, so the exact test is asked too: were a share `margin` of all queries to
    lose everything, so few losers among so many queries would be seen with this probability at most.

    Args:
        pipeline: its name.
        measure: its name.
        whole: values on the whole index, float64[queries].
        pruned: values of the same queries on the pruned one.
        margin: loss of no consequence, relative to the mean of `whole`.
    """
    differences = pruned - whole
    mean = float(whole.mean())
    absolute = margin * mean
    changed = int((differences != 0).sum())
    p = p_equivalence = 1.0
    if absolute > 0:
        p, p_equivalence = non_inferiority(differences, absolute), equivalence(differences, absolute)
        if changed < FEW:
            lost, won = int((differences < 0).sum()), int((differences > 0).sum())
            p = max(p, float(stats.binom.cdf(lost, len(whole), margin)))
            p_equivalence = max(p, p_equivalence, float(stats.binom.cdf(won, len(whole), margin)))
    interval = bootstrap_interval(differences)
    deviation = float(differences.std(ddof=1)) if len(whole) > 1 else 0.0
    return PairedTest(
        pipeline=pipeline,
        measure=measure,
        whole=mean,
        pruned=float(pruned.mean()),
        interval=(interval.low, interval.high),
        margin=absolute,
        p_non_inferiority=p,
        p_equivalence=p_equivalence,
        changed=changed,
        power=power(len(whole), deviation, absolute, margin),
        topics_needed=topics_needed(deviation, absolute, margin),
    )


def power(queries: int, deviation: float, absolute: float, margin: float) -> float:
    """Return the chance that the test succeeds where the true difference is 0.

    Args:
        queries: how many are asked.
        deviation: standard deviation of the differences.
        absolute: the margin, in the measure's unit.
        margin: the margin, relative.
    """
    if queries < least_topics(margin) and deviation == 0:
        return 0.0
    if queries < 2 or absolute <= 0:
        return 0.0
    if deviation == 0:
        return 1.0
    critical = stats.t.ppf(1 - LEVEL, queries - 1)
    return float(stats.nct.sf(critical, queries - 1, absolute / deviation * math.sqrt(queries)))


def least_topics(margin: float) -> int:
    """Return how many queries, none of them changed, show that fewer than `margin` of all would lose everything."""
    return math.ceil(math.log(LEVEL) / math.log(1 - margin))


def topics_needed(deviation: float, absolute: float, margin: float) -> int | None:
    """Return the smallest number of queries that gives a power of .8; None where not even a hundred thousand do."""
    low, high = 2, MOST_TOPICS
    if power(high, deviation, absolute, margin) < POWER:
        return None
    while low < high:
        middle = (low + high) // 2
        if power(middle, deviation, absolute, margin) >= POWER:
            high = middle
        else:
            low = middle + 1
    return low
