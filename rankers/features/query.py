"""QueryField: a query in one field, as arrays that the inner loops read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tamis.indexer.forward.compiled import compiled
from tamis.indexer.forward.forward import QueryTokens
from tamis.indexer.forward.statistics import FieldStatistics

MOST_TOKENS = 1_024
"""Tokens of a query that are read in each field; the rest of a longer one is left out."""

Ints = npt.NDArray[np.int32]
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class QueryField:
    """A query's tokens in one field; a slot stands for each distinct one."""

    slots: Ints
    """The slot of each token, in order: int32[tokens]."""
    numbers: Ints
    """The number of each slot's term in the collection, negative where it is not there: int32[slots]."""
    repeats: Ints
    """Times each slot is in the query: int32[slots]."""
    df: Doubles
    """Passages that hold each slot's term: float64[slots]."""
    cf: Doubles
    """Times each slot's term is in the collection: float64[slots]."""
    known: int
    """Tokens that the collection holds."""
    documents: float
    """Passages with this field, at least 1."""
    tokens: float
    """Tokens of this field in the collection, at least 1."""

    @staticmethod
    def of(tokens: QueryTokens, statistics: FieldStatistics) -> QueryField:
        """Look up what the collection says of a query's tokens."""
        place: dict[str, int] = {}
        slots = np.array([place.setdefault(token, len(place)) for token in tokens.strings[:MOST_TOKENS]], np.int32)
        numbers, repeats, df, cf, known = _look_up(slots, len(place), tokens.numbers, statistics.df, statistics.cf)
        documents, total = max(1, statistics.documents), max(1, statistics.tokens)
        return QueryField(slots, numbers, repeats, df, cf, known, float(documents), float(total))


@compiled
def _look_up(
    slots: Ints, width: int, numbers: Ints, all_df: Ints, all_cf: npt.NDArray[np.int64]
) -> tuple[Ints, Ints, Doubles, Doubles, int]:
    """Give the number, the repeats, df and cf of each slot, and how many tokens are known."""
    own, repeats, df, cf = np.empty(width, np.int32), np.zeros(width, np.int32), np.zeros(width), np.zeros(width)
    known = 0
    for token in range(len(slots)):
        slot, number = slots[token], numbers[token]
        own[slot] = number
        repeats[slot] += 1
        if number >= 0:
            df[slot], cf[slot] = all_df[number], all_cf[number]
            known += 1
    return own, repeats, df, cf, known
