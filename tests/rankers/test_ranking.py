"""The canonical order against NumPy's own sort by two keys."""

from __future__ import annotations

from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tamis.rankers.ranking import canonical, descending

finite = st.floats(width=32, allow_nan=False, allow_infinity=False)
few = st.sampled_from([-0.0, 0.0, 1.0, -1.0, *(float(np.float32(tiny)) for tiny in (1e-45, -1e-45))])


@given(st.lists(finite | few, max_size=40), st.randoms(use_true_random=False))
def test_scores_descend_and_ties_are_broken_by_id(values: list[float], random: Random) -> None:
    scores = np.array(values, np.float32)
    rows = np.array(random.sample(range(50), len(values)), np.int32)
    id_rank = np.array(random.sample(range(50), 50), np.int32)
    assert canonical(rows, scores, id_rank).tolist() == np.lexsort((id_rank[rows], -scores)).tolist()


@given(finite | few, finite | few)
def test_the_whole_numbers_compare_as_the_scores_do(left: float, right: float) -> None:
    a, b = descending(np.array([left, right], np.float32))
    assert (a < b, a == b) == (left > right, left == right)
    assert abs(int(a)) < 1 << 31
