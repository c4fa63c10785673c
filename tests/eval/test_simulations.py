"""Do the tests err as often as they say? Thousands of simulated comparisons in which the truth is known."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from tamis.eval.measures import parse_measure, score_run
from tamis.eval.significance import (
    LEVEL,
    bootstrap_intervals,
    equivalences,
    holms,
    non_inferiorities,
    randomisations,
    t_tests,
)
from tamis.eval.trec import read_qrels, read_run

Rows = npt.NDArray[np.float64]
Population = Callable[[np.random.Generator, int, int], Rows]
"""Draws differences whose true mean is 0: float64[comparisons, queries]."""

MANY, FEW, AT_ONCE = 10_000, 2_000, 500
ERROR = 0.007
"""Allowed beside .05 with MANY comparisons: 3.2 standard errors of a rate."""

ERROR_FEW = ERROR * (MANY / FEW) ** 0.5
COVERED = (0.93, 0.97)
MARGIN = 0.25
"""Wide beside the spread of a mean, where tests of equivalence err most."""

FAMILY = 5
"""Systems that are compared with one baseline."""


def systems(generator: np.random.Generator, count: int, comparisons: int, queries: int) -> Rows:
    """Simulate nDCG@10 of systems that are equally good: float64[count, comparisons, queries].

    Queries are easy or hard for all systems alike, values lie between 0 and 1, and some are exactly 0 or 1.
    """
    difficulty = generator.normal(0.45, 0.3, (comparisons, queries))
    own = generator.normal(0, 0.15, (count, comparisons, queries))
    missed = generator.random((count, comparisons, queries)) < 0.08
    values: Rows = np.where(missed, 0.0, np.clip(difficulty + own, 0, 1))
    return values


def alike(generator: np.random.Generator, comparisons: int, queries: int) -> Rows:
    """Draw two equally good systems."""
    differences: Rows = -np.diff(systems(generator, 2, comparisons, queries), axis=0)[0]
    return differences


def skewed(generator: np.random.Generator, comparisons: int, queries: int) -> Rows:
    """Draw a change that wins a little on half the queries, and loses more on three of ten: mean .5 / 5 - .3 / 3.

    Skewness -.67; nDCG@10 of DL19's published runs differs, pair by pair, with skewness .07 to 2.1, in the middle .4.
    """
    kind = generator.random((comparisons, queries))
    won = generator.beta(2, 8, (comparisons, queries))
    lost = generator.beta(2, 4, (comparisons, queries))
    return np.where(kind < 0.5, won, np.where(kind < 0.8, -lost, 0.0))


def rates(population: Population, comparisons: int, queries: int) -> dict[str, float]:
    """Simulate comparisons of equal systems; gives how often each test concludes what is not so."""
    generator = np.random.default_rng(queries)
    wrong: dict[str, float] = {}
    for _ in range(comparisons // AT_ONCE):
        rows = population(generator, AT_ONCE, queries)
        low, high = bootstrap_intervals(rows)
        found = {
            "t": t_tests(rows) < LEVEL,
            "randomisation": randomisations(rows) < LEVEL,
            "equivalent, below": equivalences(rows - MARGIN, MARGIN) < LEVEL,
            "equivalent, above": equivalences(rows + MARGIN, MARGIN) < LEVEL,
            "not inferior": non_inferiorities(rows - MARGIN, MARGIN) < LEVEL,
            "outside": (low > 0) | (high < 0),
        }
        for name, errs in found.items():
            wrong[name] = wrong.get(name, 0.0) + float(errs.sum()) / comparisons
    return wrong


def check(found: dict[str, float], error: float) -> None:
    """Every test errs 5 times in 100, and intervals cover 93 to 97 of 100."""
    covered = 1 - found.pop("outside")
    assert COVERED[0] <= covered <= COVERED[1], covered
    for name, rate in found.items():
        assert abs(rate - LEVEL) <= error, (name, rate)


def test_the_skewed_population_is_as_described() -> None:
    drawn = skewed(np.random.default_rng(0), 1_000, 1_000)
    assert abs(drawn.mean()) < 4 * drawn.std() / 1_000
    assert float(stats.skew(drawn, axis=None)) == pytest.approx(-0.67, abs=0.02)


def test_tests_err_as_often_as_they_say() -> None:
    """The small form of what follows, with the wider bounds of fewer comparisons."""
    found = rates(alike, FEW, 43)
    assert 1 - found.pop("outside") == pytest.approx(0.95, abs=ERROR_FEW)
    assert all(rate == pytest.approx(LEVEL, abs=ERROR_FEW) for rate in found.values()), found


@pytest.mark.slow
@pytest.mark.parametrize("queries", [43, 300])
def test_tests_err_as_often_as_they_say_in_10000_comparisons(queries: int) -> None:
    check(rates(alike, MANY, queries), ERROR)


@pytest.mark.slow
def test_skewed_differences_of_300_queries() -> None:
    check(rates(skewed, MANY, 300), ERROR)


@pytest.mark.slow
def test_skewed_differences_of_43_queries() -> None:
    """Two-sided tests and intervals hold; one-sided t-tests err .06 on the side of the rare large losses."""
    found = rates(skewed, MANY, 43)
    one_sided = [found.pop(name) for name in ("equivalent, below", "equivalent, above", "not inferior")]
    check(found, ERROR)
    assert all(0.03 <= rate <= 0.07 for rate in one_sided), one_sided


@pytest.mark.data
@pytest.mark.slow
def test_differences_of_published_runs(data_folder: Path) -> None:
    """Queries are drawn from those of DL19, and systems from six published runs, their means made equal."""
    folder = data_folder / "msmarco-mini"
    qrels = read_qrels(folder / "qrels-official" / "dl19.trec.gz")
    measure = parse_measure("nDCG@10")
    runs = [read_run(path) for path in sorted((folder / "runs").glob("dl19.*"))]
    scores = [score_run(run, qrels, sorted(qrels), [measure])["nDCG@10"] for run in runs]
    pairs = np.stack([first - second for first, second in permutations(scores, 2)])
    centred = pairs - pairs.mean(axis=1, keepdims=True)

    def population(generator: np.random.Generator, comparisons: int, queries: int) -> Rows:
        pair = generator.integers(0, len(centred), size=(comparisons, 1))
        drawn: Rows = centred[pair, generator.integers(0, centred.shape[1], size=(comparisons, queries))]
        return drawn

    check(rates(population, MANY, 43), ERROR)


def families(count: int, queries: int, better: int = 0) -> float:
    """Compare FAMILY systems with one baseline; gives how often Holm lets any wrong conclusion pass.

    The first `better` systems are truly better, and finding that out is not wrong.
    """
    generator = np.random.default_rng(queries + better)
    wrong = 0
    for _ in range(count // AT_ONCE):
        baseline, *others = systems(generator, FAMILY + 1, AT_ONCE, queries)
        gains = [0.2 if place < better else 0.0 for place in range(FAMILY)]
        tested = [randomisations(other + gain - baseline) for other, gain in zip(others, gains, strict=True)]
        wrong += int((holms(np.stack(tested, axis=1))[:, better:] < LEVEL).any(axis=1).sum())
    return wrong / count


def test_holm_keeps_the_rate_of_a_family() -> None:
    """Without correction one in six such families holds a wrong conclusion."""
    assert families(FEW, 43) <= LEVEL + ERROR_FEW


@pytest.mark.slow
@pytest.mark.parametrize("better", [0, 3])
def test_holm_keeps_the_rate_of_a_family_in_10000_families(better: int) -> None:
    assert 0.02 <= families(MANY, 43, better) <= LEVEL + ERROR
