"""Features as they stand among the candidates: by hand, and unmoved by another scale."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.rankers.features.relative import relative
from tamis.rankers.features.schema import PLACES, RELATIVE, SCHEMA

NAN = float("nan")


def test_by_hand() -> None:
    found = relative(np.array([[1, 5, NAN], [3, 5, NAN], [NAN, 5, NAN]], np.float32))
    assert found.dtype == np.float32
    assert found[:, 0] == pytest.approx([-1, 1, NAN], nan_ok=True)
    assert found[:, 1].tolist() == [0, 0, 0]
    assert np.isnan(found[:, 2]).all()


@given(
    st.lists(st.integers(-1000, 1000), min_size=1, max_size=30),
    st.sampled_from([0.25, 2.0, 1024.0]),
    st.integers(-50, 50),
)
def test_scale_and_place_of_the_whole_list_do_not_matter(values: list[int], scale: float, shift: int) -> None:
    plain = np.array(values, np.float32)[:, None]
    moved = (plain * scale + shift).astype(np.float32)
    assert relative(moved) == pytest.approx(relative(plain), abs=1e-4)


def test_they_follow_the_schema() -> None:
    names = [feature.name for feature in SCHEMA][PLACES["sparse.score.relative"] :]
    assert names == [f"{name}.relative" for name, _, _ in RELATIVE]
    for name, group, field in RELATIVE:
        source, own = SCHEMA[PLACES[name]], SCHEMA[PLACES[f"{name}.relative"]]
        assert (source.group, source.field) == (own.group, own.field) == (group, field)
        assert own.portable
