"""p-MRR: how rankings follow a change of instruction (FollowIR, Weller et al. 2024), as mteb computes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tamis.errors import InvalidInput

from .formats.content import Pair
from .trec import Run


@dataclass(frozen=True, slots=True)
class PMrr:
    """p-MRR of one run, -1 to 1; published figures are 100 times it."""

    mean: float
    per_pair: dict[str, float]
    """By the question's id."""
    missing: tuple[str, ...]
    """Questions of which the run lacks a ranking; as in mteb they are left out of the mean."""


def p_mrr(run: Run, pairs: Sequence[Pair]) -> PMrr:
    """Score how the changed passages moved: 1 is down as the changed instruction asks, -1 is up, 0 is no change.

    A passage at rank a with the original and b with the changed instruction scores b/a - 1 where a >= b, else
    1 - a/b; a passage that a ranking lacks stands right behind it. The mean is taken over the passages of a
    question, then over questions (Weller et al. 2024, eq. 1).

    Raises:
        InvalidInput: there are no pairs, or the run answers none of them.
    """
    if not pairs:
        raise InvalidInput("p-MRR needs pairs of queries with an original and a changed instruction, as FollowIR has")
    places = {query: {id_: place for place, id_ in enumerate(ids, start=1)} for query, (ids, _) in run.rankings.items()}
    values, missing = {}, []
    for pair in pairs:
        if pair.original in places and pair.changed in places:
            original, changed = places[pair.original], places[pair.changed]
            moves = [_move(_rank(original, id_), _rank(changed, id_)) for id_ in pair.passages]
            values[pair.id] = float(np.mean(moves))
        else:
            missing.append(pair.id)
    if not values:
        raise InvalidInput(
            f"the run answers none of the {len(pairs)} pairs of queries; the first is {pairs[0].original!r} "
            f"and {pairs[0].changed!r}"
        )
    return PMrr(float(np.mean(list(values.values()))), values, tuple(missing))


def _rank(places: dict[str, int], passage: str) -> int:
    return places.get(passage, len(places) + 1)


def _move(original: int, changed: int) -> float:
    return changed / original - 1 if original >= changed else 1 - original / changed
