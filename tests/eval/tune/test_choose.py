from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.eval.tune.choose import Measured, choose, near_front, undominated
from tamis.eval.tune.timing import Latency
from tamis.eval.tune.trials import Trial, Worth
from tamis.rankers.config import PipelineConfig

POINTS = st.lists(st.tuples(st.integers(0, 6).map(float), st.integers(0, 6).map(float)), min_size=1, max_size=12)


@given(POINTS)
def test_the_front_is_what_no_other_beats(points: list[tuple[float, float]]) -> None:
    """Compared with the definition, point by point."""
    front = [points[place] for place in undominated(points)]
    beaten = {
        one
        for one in points
        for other in points
        if other != one and other[0] >= one[0] and other[1] <= one[1]
    }  # fmt: skip
    assert set(front) == set(points) - beaten
    assert len(front) == len(set(front))
    assert front == sorted(front, reverse=True)


def trial(depth: int, fit: float, p95_ms: float, k: float = 60.0) -> Trial:
    return Trial(PipelineConfig(sparse_depth=depth, rrf_k=k), Worth(fit, fit, p95_ms))


def test_of_trials_that_cost_the_same_only_the_best_is_measured() -> None:
    trials = [trial(100, 0.5, 10), trial(100, 0.6, 10, k=9), trial(200, 0.55, 20), trial(50, 0.3, 5)]
    assert near_front(trials, 80) == [trials[1], trials[3], trials[2]]


def test_what_is_estimated_far_over_the_target_is_not_measured_but_the_fastest_is() -> None:
    trials = [trial(100, 0.9, 96), trial(200, 0.95, 97), trial(50, 0.1, 79)]
    assert near_front(trials, 80) == [trials[0], trials[2]]
    assert near_front(trials, 10) == [trials[2]]


def test_no_more_than_nine_are_measured() -> None:
    trials = [trial(depth, depth / 100, float(depth)) for depth in range(10, 60)]
    near = near_front(trials, 80)
    assert len(near) == 9
    assert near[-1] == trials[0]
    assert near[:8] == trials[:-9:-1]


def measured(name: int, values: list[float], p95_ms: float) -> Measured:
    return Measured(PipelineConfig(sparse_depth=name), np.array(values), Latency(1.0, p95_ms, p95_ms, p95_ms))


def test_the_queries_that_were_not_fitted_choose() -> None:
    """The first two queries are fitted; by them alone the second pipeline would be chosen."""
    is_fit = np.array([True, True, False, False])
    one, two = measured(1, [0.1, 0.1, 0.6, 0.6], 20), measured(2, [0.9, 0.9, 0.5, 0.5], 10)
    assert choose([two, one], is_fit, 80) is one
    assert choose([two, one], is_fit, 15) is two
    assert choose([two, one], is_fit, 5) is None


@pytest.mark.parametrize("turned", [False, True])
def test_of_equal_ones_the_fastest_is_chosen(turned: bool) -> None:
    slow, fast = measured(1, [0.5, 0.5], 20), measured(2, [0.5, 0.5], 10)
    both = [fast, slow] if turned else [slow, fast]
    assert choose(both, np.array([True, False]), 80) is fast
