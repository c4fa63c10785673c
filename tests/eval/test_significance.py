from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.weightstats import ttost_paired

from tamis.errors import InvalidInput
from tamis.eval.significance import (
    bootstrap_interval,
    effect_size,
    equivalence,
    holm,
    non_inferiority,
    paired_t,
    randomisation,
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
