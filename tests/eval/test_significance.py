from __future__ import annotations

import math
from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import ttost_paired

from tamis.errors import InvalidInput
from tamis.eval.significance import (
    Differences,
    bootstrap_interval,
    bootstrap_intervals,
    effect_size,
    equivalence,
    equivalences,
    expanded_tail,
    holm,
    holms,
    non_inferiorities,
    non_inferiority,
    paired_t,
    randomisation,
    randomisations,
    t_tests,
)

GENERATOR = np.random.default_rng(7)
A = GENERATOR.beta(2, 3, size=60)
B = A + GENERATOR.normal(0.02, 0.05, size=60)


def test_paired_t_is_scipys() -> None:
    assert paired_t(A - B) == pytest.approx(stats.ttest_rel(A, B).pvalue, abs=1e-12)


def test_equivalence_is_that_of_statsmodels() -> None:
    for margin in (0.01, 0.03, 0.1):
        assert equivalence(A - B, margin) == pytest.approx(ttost_paired(A, B, -margin, margin)[0], abs=1e-12)


def test_non_inferiority_is_a_one_sided_t_test() -> None:
    expected = stats.ttest_rel(A, B - 0.05, alternative="greater").pvalue
    assert non_inferiority(A - B, 0.05) == pytest.approx(expected, abs=1e-12)


def test_randomisation_agrees_with_every_arrangement_of_signs() -> None:
    """Ten differences have 1,024 arrangements, which can be counted."""
    differences = (A - B)[:10]
    signs = np.array([[1 if number >> bit & 1 else -1 for bit in range(10)] for number in range(1024)])
    exact = (np.abs(signs @ differences) >= abs(differences.sum()) - 1e-12).mean()
    assert randomisation(differences) == pytest.approx(exact, abs=0.015)


def test_randomisation_is_repeatable_and_never_zero() -> None:
    clear = np.full(200, 0.3) + GENERATOR.normal(0, 0.01, 200)
    assert randomisation(clear) == 1 / 10_001
    assert randomisation(A - B, seed=3) == randomisation(A - B, seed=3)


def test_randomisation_is_scipys_permutation_test() -> None:
    """Its samples are other ones: p-values of 10,000 draws differ by at most 4 standard errors of .005."""
    for a, b in ((A, B), (A, A + 0.3 * (B - A) - 0.005), (np.round(A, 1), np.round(B, 1))):
        found = stats.permutation_test(
            (a, b), lambda x, y: (x - y).mean(), permutation_type="samples", n_resamples=9_999,
            rng=np.random.default_rng(1),
        )  # fmt: skip
        assert randomisation(a - b) == pytest.approx(found.pvalue, abs=0.02)


def test_randomisation_of_differences_that_sum_to_nothing() -> None:
    """Rounding must not make the observed arrangement look better than those that equal it."""
    assert randomisation(np.array([0.1, 0.2, -0.3, 0.3, -0.1, -0.2])) == 1.0


@pytest.mark.parametrize("queries", [10, 43, 60])
def test_bootstrap_interval_is_scipys_percentile_interval_at_the_expanded_level(queries: int) -> None:
    values = (A - B)[:queries] ** 3
    found = stats.bootstrap(
        (values,), np.mean, n_resamples=50_000, method="percentile", confidence_level=1 - 2 * expanded_tail(queries),
        rng=np.random.default_rng(1),
    ).confidence_interval  # fmt: skip
    ours = bootstrap_interval(values)
    assert (ours.low, ours.high) == pytest.approx((found.low, found.high), abs=0.06 * (found.high - found.low))


def test_the_expanded_level_by_hand() -> None:
    """Student's t of 9 degrees at .975 is 2.262, times sqrt(10 / 9) is 2.384, which the normal exceeds in .0086."""
    assert expanded_tail(10) == pytest.approx(0.0086, abs=0.0001)
    assert expanded_tail(100_000) == pytest.approx(0.025, abs=0.0001)


def test_bootstrap_interval_is_near_that_of_the_normal() -> None:
    found = bootstrap_interval(A)
    half = 1.96 * A.std(ddof=1) / math.sqrt(len(A))
    assert (found.low, found.high) == pytest.approx((A.mean() - half, A.mean() + half), abs=0.01)


def test_effect_size_by_hand() -> None:
    assert effect_size(np.array([1.0, 2.0, 3.0])) == pytest.approx(2.0)


def test_holm_by_hand() -> None:
    """Sorted p-values times 4, 3, 2, 1, never falling, at most 1."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


def test_holm_is_that_of_statsmodels() -> None:
    families = GENERATOR.beta(0.5, 3, size=(6, 6))
    families[:, 1] = families[:, 0]  # ties
    families[3:6, 2] = [0.0, 1.0, 0.9]
    expected = [multipletests(family, method="holm")[1] for family in families]
    assert holms(families) == pytest.approx(np.array(expected), abs=1e-12)
    assert [holm(family.tolist()) for family in families] == holms(families).tolist()


def test_many_at_once_are_the_same_as_one_by_one() -> None:
    rows = GENERATOR.normal(0.01, 0.05, (7, 60)) * GENERATOR.integers(0, 2, (7, 1))  # some rows are all 0
    assert t_tests(rows).tolist() == [paired_t(row) for row in rows]
    assert non_inferiorities(rows, 0.02).tolist() == [non_inferiority(row, 0.02) for row in rows]
    assert equivalences(rows, 0.02).tolist() == [equivalence(row, 0.02) for row in rows]
    assert randomisations(rows, 5).tolist() == [randomisation(row, 5) for row in rows]
    low, high = bootstrap_intervals(rows, 5)
    assert list(zip(low, high, strict=True)) == [astuple(bootstrap_interval(row, 5)) for row in rows]


@given(arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(2, 30)), elements=st.floats(-1, 1, width=32)))
def test_t_tests_are_scipys(rows: Differences) -> None:
    rows = rows[rows.std(axis=1) > 1e-6]
    expected = stats.ttest_1samp(rows, 0.1, axis=1)
    greater = stats.ttest_1samp(rows, 0.1, axis=1, alternative="greater")
    assert t_tests(rows, 0.1) == pytest.approx(expected.pvalue, abs=1e-9)
    assert t_tests(rows, 0.1, "greater") == pytest.approx(greater.pvalue, abs=1e-9)


def test_one_query_shows_nothing() -> None:
    one = np.array([0.4])
    assert paired_t(one) == randomisation(one) == non_inferiority(one, 0.5) == equivalence(one, 0.5) == 1.0
    assert bootstrap_interval(one).low == bootstrap_interval(one).high == 0.4


def test_the_same_difference_everywhere_but_for_rounding() -> None:
    """Neither a warning nor a spread made of rounding errors."""
    same = (A + 0.1) - A
    assert paired_t(same) == 0.0
    assert equivalence(same, 0.2) == 0.0
    assert non_inferiority(-same, 0.05) == 1.0


def test_no_difference_at_all() -> None:
    nothing = np.zeros(30)
    assert paired_t(nothing) == randomisation(nothing) == 1.0
    assert equivalence(nothing, 0.01) == 0.0
    assert effect_size(nothing) == 0.0
    assert bootstrap_interval(nothing).low == bootstrap_interval(nothing).high == 0.0


@pytest.mark.parametrize("margin", [0, -0.1, math.inf, math.nan])
def test_a_margin_must_be_above_0(margin: float) -> None:
    with pytest.raises(InvalidInput, match="margin"):
        equivalence(A - B, margin)
