"""Packed weights: what rounding may cost, and what damage is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from tamis.errors import DamagedFile
from tamis.models.packed import pack, pack_file, unpack, unpack_file

matrices = arrays(
    np.float32,
    array_shapes(min_dims=2, max_dims=2, max_side=6),
    elements=st.floats(-1e6, 1e6, width=32, allow_subnormal=False),
)


def test_a_row_is_rounded_to_steps_of_its_largest_number() -> None:
    """The largest of (1, -2, 0.01) is 2: steps of 2/127 make that 64 (63.5 rounds to even), -127 and 1 (0.635)."""
    packed = pack({"w": np.array([[1.0, -2.0, 0.01], [0, 0, 0]], np.float32), "b": np.ones(3, np.float32)})
    assert packed["w"].dtype == np.int8
    assert packed["w"].tolist() == [[64, -127, 1], [0, 0, 0]]
    np.testing.assert_allclose(packed["w.scale"], [2 / 127, 1 / 127])
    assert packed["b"].tolist() == [1, 1, 1]


@given(matrices)
def test_no_number_moves_by_more_than_half_a_step(values: np.ndarray) -> None:
    found = unpack(pack({"w": values}))
    assert found.keys() == {"w"}
    assert found["w"].dtype == np.float32
    half = np.abs(values).max(axis=1, keepdims=True) / 127 / 2
    assert (np.abs(found["w"] - values) <= half * 1.001 + 1e-30).all()


def test_packing_what_was_unpacked_changes_nothing() -> None:
    values = np.random.default_rng(0).normal(size=(40, 30)).astype(np.float32)
    once = pack({"w": values})
    again = pack(unpack(once))
    assert np.array_equal(once["w"], again["w"])


def test_files_lead_there_and_back(tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    values = {"w": np.eye(3, dtype=np.float32), "b": np.zeros(3, np.float32)}
    save_file(values, tmp_path / "model.safetensors")
    pack_file(tmp_path / "model.safetensors", tmp_path / "packed")
    unpack_file(tmp_path / "packed", tmp_path / "unpacked")
    found = load_file(tmp_path / "unpacked")
    assert found.keys() == values.keys()
    np.testing.assert_allclose(found["w"], np.eye(3), rtol=1e-6)


def test_a_matrix_without_its_scales_is_damage() -> None:
    packed = pack({"w": np.ones((2, 3), np.float32)})
    with pytest.raises(DamagedFile, match="w has no scale for each of its 2 rows"):
        unpack({"w": packed["w"]})
    with pytest.raises(DamagedFile, match="w has no scale"):
        unpack({"w": packed["w"], "w.scale": packed["w.scale"][:1]})
