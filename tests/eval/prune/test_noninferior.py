"""The tests of a proof: against statsmodels, by hand, and where there is little to judge by."""

from __future__ import annotations

import math

import numpy as np
import pytest
from statsmodels.stats.power import TTestPower

from tamis.eval.prune.noninferior import least_topics, paired_test, power, topics_needed


def test_unchanged_values_of_few_queries_prove_nothing() -> None:
    values = np.linspace(0.1, 0.9, 20)
    found = paired_test("BM25", "nDCG@10", values, values, 0.05)
    assert found.p_non_inferiority == pytest.approx(0.95**20)
    assert found.power == 0


def test_unchanged_values_of_enough_queries_prove_it() -> None:
    assert least_topics(0.05) == math.ceil(math.log(0.05) / math.log(0.95)) == 59
    values = np.linspace(0.1, 0.9, 59)
    found = paired_test("BM25", "nDCG@10", values, values, 0.05)
    assert found.p_non_inferiority < 0.05
    assert found.power == 1


def test_a_loss_of_the_margin_is_not_proved_harmless() -> None:
    generator = np.random.default_rng(1)
    whole = generator.uniform(0.3, 0.7, 300)
    pruned = whole - 0.05 * whole.mean() + generator.normal(0, 0.05, 300)
    assert paired_test("dense", "nDCG@10", whole, pruned, 0.05).p_non_inferiority > 0.05
    assert paired_test("dense", "nDCG@10", whole, pruned, 0.15).p_non_inferiority < 0.05


def test_a_pipeline_that_finds_nothing_proves_nothing() -> None:
    zeros = np.zeros(100)
    assert paired_test("dense", "nDCG@10", zeros, zeros, 0.05).p_non_inferiority == 1


def test_a_gain_is_not_worse_and_not_equivalent() -> None:
    whole = np.random.default_rng(2).uniform(0.3, 0.5, 200)
    found = paired_test("dense", "nDCG@10", whole, whole + 0.2, 0.05)
    assert found.p_non_inferiority < 0.001
    assert found.p_equivalence > 0.9


@pytest.mark.parametrize(("queries", "deviation", "margin"), [(43, 0.1, 0.025), (300, 0.1, 0.02), (10, 0.02, 0.03)])
def test_power_is_that_of_statsmodels(queries: int, deviation: float, margin: float) -> None:
    expected = TTestPower().power(margin / deviation, queries, 0.05, alternative="larger")
    assert power(queries, deviation, margin, 0.05) == pytest.approx(expected, abs=1e-6)


def test_the_queries_needed_are_the_first_with_power_enough() -> None:
    needed = topics_needed(0.1, 0.02, 0.05)
    assert needed is not None
    assert power(needed, 0.1, 0.02, 0.05) >= 0.8 > power(needed - 1, 0.1, 0.02, 0.05)
    assert topics_needed(1.0, 0.0, 0.05) is None
