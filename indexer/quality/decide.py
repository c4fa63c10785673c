"""Which passages to leave out: duplicates first, then the share that can answer least."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tamis.errors import InvalidInput

from .duplicates import Duplicate
from .role import Scores

LEAST = 10
"""Passages below which a share of them says nothing."""
MOST = 0.95
"""Shares are below this: an index has to keep something."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """One passage that is left out, and why."""

    row: int
    score: float
    reason: str


def check_share(share: float) -> None:
    """Refuse a share that cannot be pruned.

    Raises:
        InvalidInput: it is not in [0, 0.95).
    """
    if not 0 <= share < MOST:
        raise InvalidInput(f"a share of passages to prune must be 0 or more and below {MOST}, got {share}")


def lowest(scores: Scores, share: float) -> npt.NDArray[np.int32]:
    """Return the rows of the share of passages with the lowest scores, in ascending order: int32[floor(share n)].

    Of equal scores, the earlier row is taken first.
    """
    check_share(share)
    count = int(share * len(scores) + 1e-9)
    order = np.argsort(scores, kind="stable")[:count]
    return np.sort(order).astype(np.int32)


def decide(scores: Scores, share: float, duplicates: Sequence[Duplicate], ids: Sequence[str]) -> list[Pruned]:
    """Name the passages that are left out, by row.

    Args:
        scores: one a passage.
        share: of the passages that are no duplicates.
        duplicates: those that say what another one says.
        ids: of the passages.

    Raises:
        InvalidInput: the share is not in [0, 0.95), or there are fewer than ten passages.
    """
    check_share(share)
    if share and len(scores) < LEAST:
        raise InvalidInput(
            f"the corpus has {len(scores)} passages, expected {LEAST} or more: a share of so few says nothing; "
            "build without --prune"
        )
    found = [Pruned(one.row, float(scores[one.row]), _repeats(one, ids)) for one in duplicates]
    rest = np.setdiff1d(np.arange(len(scores)), [one.row for one in duplicates])
    chosen = rest[lowest(scores[rest], share)]
    reason = f"quality among the lowest {share:.1%}"
    found += [Pruned(int(row), float(scores[row]), reason) for row in chosen]
    return sorted(found, key=lambda one: one.row)


def _repeats(duplicate: Duplicate, ids: Sequence[str]) -> str:
    if duplicate.similarity == 1:
        return f"duplicate of {ids[duplicate.of]}"
    return f"near duplicate of {ids[duplicate.of]} (similarity {duplicate.similarity})"
