"""The pass over the tokens of candidates: where the query's terms stand.

Candidates are a few hundred passages of a hundred tokens; a small table in the processor's first cache tells of most
tokens that the query does not ask for them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tamis.indexer.forward.compiled import compiled

Ints = npt.NDArray[np.int32]

Found = tuple[npt.NDArray[np.int64], Ints, Ints]
"""Occurrences, those of candidate `i` from `ends[i]` to `ends[i + 1]`: ends, positions (ascending within a candidate;
stop words count, as in Lucene), slots."""

EMPTY = -1

NO_NUMBERS: Ints = np.empty(0, np.int32)
"""Stands where there is nothing; not to be written, like mapped files, so that numba compiles once for both."""
NO_NUMBERS.flags.writeable = False

MARKS = 0x3FFF
"""Bits of a token's number that tell most tokens apart from those looked for, in a table of 16 KB."""


@compiled
def passage_lengths(
    rows: Ints, term_lengths: Ints, word_ends: npt.NDArray[np.int64], piece_ends: npt.NDArray[np.int64]
) -> tuple[Ints, Ints, Ints]:
    """Return the analysed terms, words and pieces of passages: int32[n] each; -1 terms: no such row."""
    terms, words, pieces = (
        np.full(len(rows), -1, np.int32),
        np.empty(len(rows), np.int32),
        np.empty(len(rows), np.int32),
    )
    for place in range(len(rows)):
        row = rows[place]
        if 0 <= row < len(term_lengths):
            terms[place] = term_lengths[row]
            words[place] = word_ends[row + 1] - word_ends[row]
            pieces[place] = piece_ends[row + 1] - piece_ends[row]
    return terms, words, pieces


@compiled
def occurrences(
    rows: Ints,
    ends: npt.NDArray[np.int64],
    low: npt.NDArray[np.uint16],
    high: npt.NDArray[np.uint8] | npt.NDArray[np.uint16],
    numbers: Ints,
    terms: Ints,
    members: Ints,
    member_ends: npt.NDArray[np.int64],
) -> tuple[Found, Found]:
    """Find a query's distinct tokens in passages, and the words of its distinct terms, in one pass.

    Args:
        rows: the passages, int32[n].
        ends: with `low` and `high`: the passages' tokens, as `Tokens` has them.
        low: see `ends`.
        high: see `ends`.
        numbers: tokens that are looked for, by slot; negative ones are nowhere.
        terms: terms that are looked for, by slot; may be empty.
        members: words of all terms, one term's after the other's.
        member_ends: int64[terms of the collection], where each term's words end.

    Returns:
        Where the tokens stand, and where the terms do.
    """
    table, marks, slots = _wanted(numbers, terms, members, member_ends)
    most = 0
    for row in rows:
        most += ends[row + 1] - ends[row]
    positions, found = np.empty((2, most), np.int32), np.empty((2, most), np.int32)
    bounds, counts = np.zeros((2, len(rows) + 1), np.int64), np.zeros(2, np.int64)
    wide = len(high) > 0
    for candidate in range(len(rows)):
        start, end = ends[rows[candidate]], ends[rows[candidate] + 1]
        for at in range(start, end):
            if marks[low[at] & MARKS]:
                number = int(low[at]) | int(high[at]) << 16 if wide else int(low[at])
                place = _find(table, number)
                if place != EMPTY:
                    for kind in range(2):
                        if slots[kind, place] != EMPTY:
                            positions[kind, counts[kind]] = at - start
                            found[kind, counts[kind]] = slots[kind, place]
                            counts[kind] += 1
        bounds[0, candidate + 1], bounds[1, candidate + 1] = counts[0], counts[1]
    return (
        (bounds[0], positions[0, : counts[0]], found[0, : counts[0]]),
        (bounds[1], positions[1, : counts[1]], found[1, : counts[1]]),
    )


@compiled
def _wanted(
    numbers: Ints, terms: Ints, members: Ints, member_ends: npt.NDArray[np.int64]
) -> tuple[Ints, npt.NDArray[np.bool_], Ints]:
    """Gather what is looked for: a table of token numbers, marks of their lowest bits, slots by place.

    The slot of a token is in `slots[0]`, that of its term in `slots[1]`.
    """
    most = len(numbers)
    for term in terms:
        if term >= 0:
            most += member_ends[term] - (member_ends[term - 1] if term else 0)
    table, marks, slots = _new_table(most), np.zeros(MARKS + 1, np.bool_), np.full((2, most), EMPTY, np.int32)
    used = 0
    for slot in range(len(numbers)):
        if numbers[slot] >= 0:
            marks[numbers[slot] & MARKS] = True
            place = _insert(table, numbers[slot], used)
            used += place == used
            slots[0, place] = slot
    for slot in range(len(terms)):
        term = terms[slot]
        if term >= 0:
            for at in range(member_ends[term - 1] if term else 0, member_ends[term]):
                marks[members[at] & MARKS] = True
                place = _insert(table, members[at], used)
                used += place == used
                slots[1, place] = slot
    return table, marks, slots


@compiled
def _new_table(most: int) -> Ints:
    """Make a hash table for at most `most` keys: int32[size, 2] of key and place, size a power of two."""
    size = 64
    while size < 3 * most:
        size *= 2
    return np.full((size, 2), EMPTY, np.int32)


@compiled
def _find(table: Ints, key: int) -> int:
    """Return the place of a key, or EMPTY."""
    mask = table.shape[0] - 1
    at = key & mask
    while table[at, 0] != key:
        if table[at, 0] == EMPTY:
            return EMPTY
        at = (at + 1) & mask
    return int(table[at, 1])


@compiled
def _insert(table: Ints, key: int, place: int) -> int:
    """Give a key (0 or more) a place, unless it has one; return the one that it has."""
    mask = table.shape[0] - 1
    at = key & mask
    while table[at, 0] != EMPTY:
        if table[at, 0] == key:
            return int(table[at, 1])
        at = (at + 1) & mask
    table[at, 0], table[at, 1] = key, place
    return place
