"""Parity of scores: differences and rank correlations by hand, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from tamis.errors import BuildError
from tamis.models.score_parity import PASSAGES, QUERIES, check_scores, compare_scores, real_pairs

PAIRS = [("a", "1"), ("a", "2"), ("a", "3"), ("b", "1"), ("b", "2"), ("b", "3")]


def test_differences_and_correlations_by_hand() -> None:
    """Query a: the same order. Query b: two of three swapped, rho .5 and tau 1/3."""
    wanted = np.array([1.0, 2.0, 3.0, 1.0, 2.0, 3.0])
    found = np.array([1.5, 2.0, 3.0, 2.0, 1.0, 3.0])
    parity = compare_scores(PAIRS, found, wanted)
    assert parity["pairs"] == 6
    assert (parity["difference_max"], parity["score_max"]) == (1.0, 3.0)
    assert parity["difference_mean"] == pytest.approx(2.5 / 6)
    assert parity["spearman"] == pytest.approx((1 + 0.5) / 2)
    assert parity["kendall"] == pytest.approx((1 + 1 / 3) / 2)


def test_queries_whose_passages_score_alike_do_not_count() -> None:
    same = np.array([1.0, 2.0, 3.0, 5.0, 5.0, 5.0])
    assert compare_scores(PAIRS, same, same)["spearman"] == 1.0
    assert compare_scores(PAIRS, np.zeros(6), np.zeros(6))["spearman"] == 0.0


@pytest.mark.parametrize(
    ("precision", "parity", "message"),
    [
        ("fp32", {"difference_max": 2e-4, "score_max": 0.5, "spearman": 1.0}, "difference_max is 0.0002"),
        ("fp32", {"difference_max": float("nan"), "score_max": 0.5, "spearman": 1.0}, "difference_max is nan"),
        ("int8", {"difference_max": 0.1, "score_max": 0.5, "spearman": 0.7}, "spearman is 0.7, expected at least"),
        ("fp16", {"difference_max": 0.1, "score_max": 0.5, "spearman": float("nan")}, "spearman is nan"),
    ],
)
def test_an_export_that_is_not_its_source_is_refused(precision: str, parity: dict[str, float], message: str) -> None:
    with pytest.raises(BuildError, match=message):
        check_scores(parity, precision, "tiny")


def test_an_export_that_is_its_source_passes() -> None:
    check_scores({"difference_max": 9e-5, "score_max": 0.5, "spearman": 0.1}, "fp32", "tiny")
    check_scores({"difference_max": 9e-4, "score_max": 10.0, "spearman": 0.1}, "fp32", "tiny")
    check_scores({"difference_max": 0.5, "score_max": 0.5, "spearman": 0.9}, "int8", "tiny")


def test_pairs_are_real_and_many() -> None:
    pairs = real_pairs()
    assert len(pairs) == len(set(pairs)) == PASSAGES * len(QUERIES)
