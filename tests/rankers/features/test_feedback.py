"""Nearness to the best hits against a slow, obvious reference."""

from __future__ import annotations

import numpy as np
import pytest

from tamis.rankers.features.stages import FEEDBACK, feedback_features
from tamis.rankers.ranking import Candidates


def slow(vectors: np.ndarray, order: list[int], count: int) -> list[float]:
    """Cosine with the sum of the best others."""
    cosines = []
    for place, vector in enumerate(vectors):
        others = [vectors[one] for one in order[:count] if one != place]
        total = np.sum(others, axis=0) if others else np.zeros_like(vector)
        length = np.linalg.norm(total)
        cosines.append(float(vector @ total / length) if length > 0 else float("nan"))
    return cosines


@pytest.mark.parametrize("size", [1, 2, 3, 7, 40])
def test_it_is_the_cosine_with_the_sum_of_the_best_others(size: int) -> None:
    generator = np.random.default_rng(size)
    vectors = generator.normal(size=(size, 16))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    order = generator.permutation(size)
    rank = np.empty(size, np.float32)
    rank[order] = np.arange(1, size + 1)
    rows, zeros = np.arange(size, dtype=np.int32), np.zeros(size, np.float32)
    out = np.zeros((size, len(FEEDBACK)), np.float32)
    feedback_features(Candidates(rows, zeros, {"fused_rank": rank}), vectors, out)
    for column, count in enumerate(FEEDBACK):
        assert out[:, column] == pytest.approx(slow(vectors, order.tolist(), count), abs=1e-5, nan_ok=True)
    feedback_features(Candidates(rows, zeros), vectors, out)
    assert out[:, 0] == pytest.approx(slow(vectors, list(range(size)), FEEDBACK[0]), abs=1e-5, nan_ok=True)
