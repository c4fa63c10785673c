"""IBM Model 1 of candidates: what each token of a passage translates to among the query's terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tamis.indexer.forward.compiled import compiled
from tamis.indexer.forward.forward import ForwardIndex
from tamis.indexer.forward.layout import Field
from tamis.indexer.forward.tokens import Numbers
from tamis.indexer.forward.translation import TranslationField

from ..ranking import Rows, Scores
from .query import Doubles, Ints, QueryField
from .reading import NO_NUMBERS

Ends = npt.NDArray[np.int64]
Low = npt.NDArray[np.uint16]
High = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
Floats = npt.NDArray[np.float32]

NOTHING = -1
PLACES = 0x7FFF
"""Bits of a token's number by which its translations are found, in a table of 128 KB."""

BLOCK = 8
"""Query terms whose translations are added up at a time."""

UNTRANSLATED = 0.05
"""Probability that a word stands for itself, before all translations (Boytsov and Kolter 2021)."""

BACKGROUND = 0.1
"""Share of the collection's own probability of a query term."""


class Asked(NamedTuple):
    """A query in one field, and the field's table, as the inner loops take them."""

    numbers: Ints
    """The query's distinct terms; negative ones count nothing."""
    repeats: Ints
    """Times each is in the query."""
    background: Doubles
    """P(term | collection) of each."""
    lengths: Ints
    """Tokens of each candidate in the field."""
    targets: Ints
    target_ends: Ends
    sources: Ints
    probabilities: Floats
    """With the three before: the table, as `Translation` has it."""
    members: Ints
    """The words of every term, one term's after the other's; empty where tokens are terms themselves."""
    member_ends: Ends


def translation_features(
    forward: ForwardIndex,
    fields: Sequence[TranslationField],
    query: Mapping[Field, QueryField],
    rows: Rows,
    lengths: Mapping[Field, Numbers],
) -> dict[TranslationField, Scores]:
    """Score passages by the tables of fields.

    Args:
        forward: the open index.
        fields: some that have a table.
        query: the query in all fields.
        rows: the passages, int32[n].
        lengths: tokens of the passages in all fields, int32[n].

    Returns:
        float32[n] by field, NaN for a passage or a query without tokens in the field.
    """
    lengths_of: dict[TranslationField, Numbers] = {field: length for field, length in lengths.items()}
    if "title" in fields:
        lengths_of["title"] = forward.words.titles[rows].astype(np.int32)
    scores: dict[TranslationField, Scores] = {}
    for together in _PASSES:
        asked = {field: _asked(forward, field, query, lengths_of[field]) for field in together if field in fields}
        if asked:
            tokens = forward.pieces if "wordpiece" in asked else forward.words
            first, *others = asked.values()
            second = others[0] if others else first._replace(numbers=NO_QUERY)
            found = _translated(rows, lengths_of[together[-1]], tokens.ends, tokens.low, tokens.high, first, second)
            scores |= dict(zip(asked, found, strict=False))
    return scores


_PASSES: tuple[tuple[TranslationField, ...], ...] = (("analysed", "unstemmed"), ("wordpiece",), ("title",))
"""Fields that are read together: as far as the last of each goes."""

NO_QUERY: Numbers = np.empty(0, np.int32)


def _asked(
    forward: ForwardIndex, field: TranslationField, query: Mapping[Field, QueryField], lengths: Numbers
) -> Asked:
    asked = query["unstemmed" if field == "title" else field]
    table = forward.translations[field]
    return Asked(
        asked.numbers,
        asked.repeats,
        asked.cf / asked.tokens,
        lengths,
        table.targets,
        table.ends,
        table.sources,
        table.probabilities,
        forward.words_of_terms if field == "analysed" else NO_NUMBERS,
        forward.word_ends,
    )


@compiled
def _translated(
    rows: Ints, read: Ints, ends: Ends, low: Low, high: High, first: Asked, second: Asked
) -> tuple[Floats, Floats]:
    """Score passages by two tables, reading them once.

    Args:
        rows: the passages, int32[n].
        read: tokens of each that are read, from its start: int32[n].
        ends: with `low` and `high`: the passages' tokens, as `Tokens` has them.
        low: see `ends`.
        high: see `ends`.
        first: what is asked for.
        second: the same; its `numbers` may be empty.
    """
    width = len(first.numbers)
    columns = width + len(second.numbers)
    bounds = np.zeros(columns + 1, np.int64)
    words, shares = _words(first)
    more_words, more_shares = _words(second)
    bounds[: width + 1] = _bounds(first)
    bounds[width:] = bounds[width] + _bounds(second)
    words, shares = np.append(words, more_words), np.append(shares, more_shares)
    totals = np.zeros((len(rows), columns), np.float32)
    for column in range(0, columns, BLOCK):
        block = bounds[column : column + BLOCK + 1]
        _add(rows, read, ends, low, high, _lay_out(words, shares, block), totals[:, column : column + BLOCK])
    return _score(totals[:, :width], first), _score(totals[:, width:], second)


@compiled
def _sources(asked: Asked, slot: int) -> tuple[int, int]:
    """Find where a term's sources begin and end in the table."""
    number = asked.numbers[slot]
    at = np.searchsorted(asked.targets, number)
    if number < 0 or at == len(asked.targets) or asked.targets[at] != number:
        return 0, 0
    return asked.target_ends[at], asked.target_ends[at + 1]


@compiled
def _spread(asked: Asked, term: int) -> tuple[int, int]:
    """Find where a term's words begin and end."""
    return asked.member_ends[term - 1] if term > 0 else 0, asked.member_ends[term]


@compiled
def _bounds(asked: Asked) -> Ends:
    """Count the words that translate to each term of the query, itself among them; return where each one's end."""
    bounds = np.zeros(len(asked.numbers) + 1, np.int64)
    for slot in range(len(asked.numbers)):
        count = 0
        if asked.numbers[slot] >= 0:
            begin, end = _sources(asked, slot)
            count = 1 + end - begin
            if len(asked.members):
                start, stop = _spread(asked, asked.numbers[slot])
                count = stop - start
                for at in range(begin, end):
                    start, stop = _spread(asked, asked.sources[at])
                    count += stop - start
        bounds[slot + 1] = bounds[slot] + count
    return bounds


@compiled
def _words(asked: Asked) -> tuple[Ints, Floats]:
    """Gather the words that translate to the query's terms, one term's after the other's, and each one's share."""
    bounds = _bounds(asked)
    words, shares = np.empty(bounds[-1], np.int32), np.empty(bounds[-1], np.float32)
    count = 0
    for slot in range(len(asked.numbers)):
        if asked.numbers[slot] < 0:
            continue
        begin, end = _sources(asked, slot)
        for at in range(begin - 1, end):
            own = at < begin
            term = asked.numbers[slot] if own else asked.sources[at]
            share = UNTRANSLATED if own else (1 - UNTRANSLATED) * asked.probabilities[at]
            if len(asked.members):
                start, stop = _spread(asked, term)
                words[count : count + stop - start] = asked.members[start:stop]
                shares[count : count + stop - start] = share
                count += stop - start
            else:
                words[count], shares[count] = term, share
                count += 1
    return words, shares


@compiled
def _lay_out(words: Ints, shares: Floats, bounds: Ends) -> tuple[Ints, Ints, Ints, Floats]:
    """Lay out words and shares of a few columns so that a token is looked up without a branch.

    Returns:
        The place of each token by its lowest bits, 0 for none; the token of each place; the next place with the same
        lowest bits; and each place's shares: float32[places, BLOCK].
    """
    most = 1 + bounds[-1] - bounds[0]
    places, keys = np.zeros(PLACES + 1, np.int32), np.full(most, np.int32(NOTHING))
    following, laid = np.zeros(most, np.int32), np.zeros((most, BLOCK), np.float32)
    used = 1
    for column in range(len(bounds) - 1):
        for at in range(bounds[column], bounds[column + 1]):
            word = words[at]
            place = places[word & PLACES]
            while place > 0 and keys[place] != word:
                place = following[place]
            if place == 0:
                place = used
                keys[place], following[place] = word, places[word & PLACES]
                places[word & PLACES] = place
                used += 1
            laid[place, column] += shares[at]
    return places, keys, following, laid


@compiled
def _add(
    rows: Ints, read: Ints, ends: Ends, low: Low, high: High, laid_out: tuple[Ints, Ints, Ints, Floats], out: Floats
) -> None:
    """Add up the shares of each passage's tokens."""
    places, keys, following, shares = laid_out
    zero = np.float32(0)
    for candidate in range(len(rows)):
        start = ends[rows[candidate]]
        s, t, u, v, w, x, y, z = zero, zero, zero, zero, zero, zero, zero, zero  # in registers; an array would not be
        for at in range(start, start + read[candidate]):
            number = np.int32(low[at])
            if len(high):
                number |= np.int32(high[at]) << 16
            place = places[number & PLACES]
            while keys[place] != number and place > 0:
                place = following[place]
            row = shares[place]
            s, t, u, v = s + row[0], t + row[1], u + row[2], v + row[3]
            w, x, y, z = w + row[4], x + row[5], y + row[6], z + row[7]
        totals = (s, t, u, v, w, x, y, z)
        for column in range(out.shape[1]):
            out[candidate, column] = totals[column]


@compiled
def _score(totals: Floats, asked: Asked) -> Floats:
    """Compare what passages give to each query term with what the collection gives.

    Sum over query terms q of ln(1 + .9 p(q|d) / (.1 P(q|C))); p(q|d) is the mean over the passage's tokens w of
    .95 t(q|w) + .05 [q = w].
    """
    scores = np.zeros(len(totals), np.float32)
    for candidate in range(len(totals)):
        if asked.lengths[candidate] == 0 or len(asked.numbers) == 0:
            scores[candidate] = np.nan
            continue
        for slot in range(len(asked.numbers)):
            if totals[candidate, slot] > 0 and asked.background[slot] > 0:  # a piece may not be in the collection
                odds = (1 - BACKGROUND) / BACKGROUND * totals[candidate, slot] / asked.lengths[candidate]
                scores[candidate] += asked.repeats[slot] * np.log(1 + odds / asked.background[slot])
    return scores
