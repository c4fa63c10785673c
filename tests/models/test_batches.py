"""Fixed shapes: each text once, in a shape that its own length picks."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tamis.models.batches import TOKENS, WIDTH, batches, padded

lengths = st.lists(st.integers(2, 250), max_size=300)


@given(lengths)
def test_every_text_is_in_one_batch_that_it_fits(lengths: list[int]) -> None:
    seen: list[int] = []
    for positions, (rows, length) in batches(lengths, 250):
        assert 0 < len(positions) <= rows
        assert all(length - WIDTH < lengths[position] <= length for position in positions)
        assert rows * length <= TOKENS
        seen += positions
    assert sorted(seen) == list(range(len(lengths)))


@given(lengths, st.integers(2, 250))
def test_a_texts_shape_does_not_depend_on_its_company(lengths: list[int], own: int) -> None:
    ((_, alone),) = batches([own], 250)
    together = {position: shape for positions, shape in batches([own, *lengths], 250) for position in positions}
    assert together[0] == alone


def test_no_shape_is_longer_than_the_model_reads() -> None:
    assert [shape for _, shape in batches([250], 250)] == [(TOKENS // 250, 250)]


def test_padding_is_masked_and_spare_rows_repeat_the_first_text() -> None:
    ids, mask = padded([[5, 6, 7], [8]], (3, 4))
    assert ids.tolist() == [[5, 6, 7, 0], [8, 0, 0, 0], [5, 6, 7, 0]]
    assert mask.tolist() == [[1, 1, 1, 0], [1, 0, 0, 0], [1, 1, 1, 0]]
    assert ids.dtype == mask.dtype == np.int64
