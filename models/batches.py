"""Batches for a GPU, in fixed shapes: a text's own length alone picks the shape it is computed in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.int64]

WIDTH = 16
"""Lengths are rounded up to a multiple of this."""

TOKENS = 4_096
"""Tokens in one batch, padding included: rows are as many as fit."""


def batches(
    lengths: Sequence[int], max_length: int, tokens: int = TOKENS
) -> Iterator[tuple[list[int], tuple[int, int]]]:
    """Group texts by padded length, longest first.

    Args:
        lengths: tokens of each text.
        max_length: the longest padded length.
        tokens: budget of one batch, padding included.

    Yields:
        positions of the texts in one batch, and the batch's shape (rows, length). A batch may hold fewer texts
        than rows: the shape, and with it the order of every sum on the GPU, stays the same.
    """
    by_length: dict[int, list[int]] = {}
    for position, length in enumerate(lengths):
        by_length.setdefault(min(-(-length // WIDTH) * WIDTH, max_length), []).append(position)
    for length in sorted(by_length, reverse=True):
        positions, rows = by_length[length], max(1, tokens // length)
        for start in range(0, len(positions), rows):
            yield positions[start : start + rows], (rows, length)


def padded(texts: Sequence[Sequence[int]], shape: tuple[int, int]) -> tuple[Ids, Ids]:
    """Put token ids into one array: int64[rows, length] each of ids and mask; spare rows repeat the first text."""
    ids, mask = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    for row in range(shape[0]):
        text = texts[row] if row < len(texts) else texts[0]
        ids[row, : len(text)] = text
        mask[row, : len(text)] = 1
    return ids, mask
