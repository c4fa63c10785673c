from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.rankers.fusion import (
    NORMALISATIONS,
    ReciprocalRankFusion,
    WeightedSum,
    maximum,
    minmax,
    unchanged,
    zscore,
)
from tamis.rankers.ranking import Candidates

IDS = np.arange(1_000, dtype=np.int32)
"""Ids in the order of rows, where a test does not say otherwise."""

EQUAL = {"sparse": 1.0, "dense": 1.0}


def found(*pairs: tuple[int, float]) -> Candidates:
    """Candidates from (row, score) pairs, best first."""
    return Candidates(np.array([row for row, _ in pairs], np.int32), np.array([s for _, s in pairs], np.float32))


def test_reciprocal_ranks_are_summed_over_the_arms() -> None:
    """1 / (60 + rank) for each arm that found the passage (Cormack et al. 2009)."""
    fused = ReciprocalRankFusion(IDS, EQUAL)({"sparse": found((7, 9.0), (3, 8.0)), "dense": found((3, 0.9), (5, 0.8))})
    assert fused.rows.tolist() == [3, 7, 5]
    expected = [1 / 62 + 1 / 61, 1 / 61, 1 / 62]
    assert fused.scores.tolist() == pytest.approx(expected, rel=1e-6)


def test_an_arm_that_missed_a_passage_says_nan_not_zero() -> None:
    fused = ReciprocalRankFusion(IDS, EQUAL)({"sparse": found((7, 9.0)), "dense": found((3, 0.9))})
    place = fused.rows.tolist().index(7)
    assert fused.features["sparse"][place] == 9.0
    assert fused.features["sparse_rank"][place] == 1.0
    assert math.isnan(fused.features["dense"][place])
    assert math.isnan(fused.features["dense_rank"][place])
    assert fused.features["fused_rank"].tolist() == [1.0, 2.0]


def test_weights_and_k_shape_the_sum() -> None:
    fused = ReciprocalRankFusion(IDS, {"sparse": 2.0, "dense": 0.5}, k=10)(
        {"sparse": found((7, 9.0)), "dense": found((3, 0.9))}
    )
    assert dict(zip(fused.rows.tolist(), fused.scores.tolist(), strict=True)) == pytest.approx(
        {7: 2.0 / 11, 3: 0.5 / 11}, rel=1e-6
    )


def test_ties_are_broken_by_id_not_by_row() -> None:
    ids = np.array([3, 2, 1, 0], np.int32)  # row 3 has the first id
    fused = ReciprocalRankFusion(ids, EQUAL)({"sparse": found((0, 1.0)), "dense": found((3, 1.0))})
    assert fused.rows.tolist() == [3, 0]


def test_weighted_sum_of_minmax() -> None:
    """Sparse 9, 8, 4 become 1, .8, 0; dense .9, .8 become 1, 0; what an arm missed counts 0."""
    fuse = WeightedSum(IDS, {"sparse": 0.3, "dense": 0.7}, minmax)
    fused = fuse({"sparse": found((7, 9.0), (3, 8.0), (1, 4.0)), "dense": found((3, 0.9), (5, 0.8))})
    assert dict(zip(fused.rows.tolist(), fused.scores.tolist(), strict=True)) == pytest.approx(
        {3: 0.3 * 0.8 + 0.7, 7: 0.3, 1: 0.0, 5: 0.0}, abs=1e-6
    )
    assert fused.rows.tolist() == [3, 7, 1, 5]


def test_weighted_sum_never_ranks_a_missed_passage_above_the_arms_lowest() -> None:
    """With z-scores the lowest found is below 0; a missed passage counts as that lowest, not as 0."""
    fuse = WeightedSum(IDS, EQUAL, zscore)
    fused = fuse({"sparse": found((0, 3.0), (1, 1.0)), "dense": found()})
    assert fused.rows.tolist() == [0, 1]
    fused = fuse({"sparse": found((0, 3.0), (1, 1.0)), "dense": found((2, 1.0), (3, 1.0))})
    scores = dict(zip(fused.rows.tolist(), fused.scores.tolist(), strict=True))
    assert scores[1] == scores[2] == -1.0


@pytest.mark.parametrize(
    ("normalise", "expected"),
    [
        (minmax, [1.0, 0.5, 0.0]),
        (zscore, [math.sqrt(1.5), 0.0, -math.sqrt(1.5)]),
        (maximum, [1.0, 2 / 3, 1 / 3]),
        (unchanged, [6.0, 4.0, 2.0]),
    ],
)
def test_normalisations(normalise: object, expected: list[float]) -> None:
    assert callable(normalise)
    assert normalise(np.array([6, 4, 2], np.float32)).tolist() == pytest.approx(expected)


@pytest.mark.parametrize("name", sorted(NORMALISATIONS))
@pytest.mark.parametrize("scores", [[2.0], [0.0, 0.0], [-1.0, -1.0]])
def test_normalisations_stay_finite_where_scores_are_equal(name: str, scores: list[float]) -> None:
    assert np.isfinite(NORMALISATIONS[name](np.array(scores, np.float32))).all()


def test_nothing_found_is_an_empty_list() -> None:
    for fuse in (ReciprocalRankFusion(IDS, EQUAL), WeightedSum(IDS, EQUAL, minmax)):
        assert len(fuse({"sparse": found(), "dense": found()})) == 0


lists = st.lists(st.integers(0, 999), unique=True, max_size=60)


@given(sparse=lists, dense=lists, depth=st.integers(1, 40))
def test_properties_of_rrf(sparse: list[int], dense: list[int], depth: int) -> None:
    """It is a union without loss, in canonical order, the same whichever arm is named first, and monotone."""
    arms = {
        "sparse": found(*((row, 100.0 - place) for place, row in enumerate(sparse))),
        "dense": found(*((row, 100.0 - place) for place, row in enumerate(dense))),
    }
    fuse = ReciprocalRankFusion(IDS, EQUAL)
    fused = fuse(arms)
    assert sorted(fused.rows.tolist()) == sorted({*sparse, *dense})
    order = [(-score, row) for score, row in zip(fused.scores.tolist(), fused.rows.tolist(), strict=True)]
    assert order == sorted(order)
    swapped = fuse({"dense": arms["dense"], "sparse": arms["sparse"]})
    assert swapped.rows.tolist() == fused.rows.tolist()
    if sparse and sparse[0] == (dense[0] if dense else None):
        assert fused.rows[0] == sparse[0]
    assert fused.top(depth).rows.tolist() == fused.rows.tolist()[:depth]
