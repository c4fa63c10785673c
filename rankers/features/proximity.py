"""Where a field's query terms stand to each other, and its counts: 23 of a field's features.

Formulas and their sources are in `schema.py`, in the same order.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tamis.indexer.forward.compiled import compiled

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

K1, B = 0.9, 0.4
NEAR = 8
"""Widest distance of two neighbouring occurrences in `proximity`."""
WINDOW = 100
"""Widest span in `tp_dist`."""
LAMBDA = 0.4
GAPS = (3, 8, 15)
PROXIMITY = 2
"""Column of the first of three that are computed from all occurrences."""
TP_SCORE = 3
TP_DIST = 4
PAIRS = 11
"""Column of the first count of pairs; the others are counts as well."""


@compiled
def proximity_features(
    ends: npt.NDArray[np.int64],
    positions: Ints,
    found: Ints,
    lengths: Ints,
    slots: Ints,
    df: Doubles,
    cf: Doubles,
    documents: float,
    tokens: float,
    wanted: Flags,
    out: Floats,
) -> None:
    """Write all features of a field but the pooled ones; what costs most only where it is wanted.

    Args:
        ends: where each candidate's occurrences end: int64[n + 1].
        positions: position of each occurrence, ascending within a candidate.
        found: slot of each occurrence.
        lengths: tokens of each candidate: int32[n].
        slots: slot of each token of the query.
        df: passages with each slot's term.
        cf: times each slot's term is in the collection.
        documents: passages with this field.
        tokens: tokens of this field.
        wanted: bool[23], the columns that are read.
        out: float32[n, 23].
    """
    width, count = len(df), len(slots)
    counted = wanted[PAIRS:].any()
    together = _together(slots, width) if counted else np.zeros((0, 0, 4), np.int32)
    clarity, repeats = _clarity(slots, cf, tokens)
    idf, rarity, gain, tf = np.empty(width), np.empty(width), np.empty(width), np.zeros(width)
    for slot in range(width):
        rarity[slot] = repeats[slot] * np.log(1 + documents / df[slot])
        idf[slot] = max(0.0, np.log(documents / df[slot])) if df[slot] > 0 else 0.0
    for candidate in range(len(lengths)):
        row, length = out[candidate], lengths[candidate]
        at, end = ends[candidate], ends[candidate + 1]
        where, who = positions[at:end], found[at:end]
        tf[:] = 0
        for slot in who:
            tf[slot] += 1
        saturation = K1 * (1 - B + B * length * documents / tokens)
        tf_idf, share, matching, bm25 = 0.0, 0.0, 0, 0.0
        for slot in range(width):
            gain[slot] = (K1 + 1) * tf[slot] / (tf[slot] + saturation) * repeats[slot] * idf[slot]
            if tf[slot] > 0:
                tf_idf += rarity[slot] * (1 + np.log(tf[slot])) / length
                share += repeats[slot] * tf[slot] / length
                matching += repeats[slot]
                bm25 += gain[slot]
        row[0] = tf_idf if count > 0 and length > 0 else np.nan
        row[1] = share if count > 0 and length > 0 else np.nan
        if wanted[PROXIMITY]:
            row[PROXIMITY] = _proximity(where, who, gain) if count > 0 else np.nan
        if wanted[TP_SCORE]:
            row[TP_SCORE] = bm25 + _accumulated(where, who, idf, saturation) if count > 0 else np.nan
        if wanted[TP_DIST]:
            row[TP_DIST] = _distances(where, who, tf, slots, idf, saturation) if count > 0 else np.nan
        row[5] = length
        row[6] = count
        row[7] = matching / count if count > 0 else np.nan
        row[8] = width
        row[9] = matching
        row[10] = clarity
        if counted:
            _pairs(where, who, together, row[PAIRS:])


@compiled
def _together(slots: Ints, width: int) -> Ints:
    """Count for each two slots, the first one earlier in a passage, how many pairs of query tokens they make.

    Returns:
        int32[slots, slots, 4]: neighbours in either order, neighbours in the query's order, any two tokens in
        either order, any two in the query's order.
    """
    counts = np.zeros((width, width, 4), np.int32)
    for first in range(len(slots)):
        for second in range(first + 1, len(slots)):
            left, right = slots[first], slots[second]
            for kind in range(0 if second == first + 1 else 2, 4):
                counts[left, right, kind] += 1
                if kind % 2 == 0:
                    counts[right, left, kind] += 1
    return counts


@compiled
def _clarity(slots: Ints, cf: Doubles, tokens: float) -> tuple[float, Doubles]:
    """Return the simplified clarity score of the query, and how often each slot is in it."""
    repeats = np.zeros(len(cf))
    for slot in slots:
        repeats[slot] += 1
    score, known = 0.0, 0
    for slot in range(len(cf)):
        if cf[slot] > 0:
            share = repeats[slot] / len(slots)
            score += share * np.log(share * tokens / cf[slot])
            known += 1
    return (score if known else np.nan), repeats


@compiled
def _proximity(where: Ints, who: Ints, gain: Doubles) -> float:
    """Add both gains for each two neighbouring occurrences of different terms that are near."""
    score = 0.0
    for at in range(1, len(where)):
        if who[at] != who[at - 1] and where[at] - where[at - 1] <= NEAR:
            score += gain[who[at]] + gain[who[at - 1]]
    return score


@compiled
def _accumulated(where: Ints, who: Ints, idf: Doubles, saturation: float) -> float:
    """Score what each term gathers from its neighbours, by the inverse square of their distance."""
    gathered = np.zeros(len(idf))
    for at in range(1, len(where)):
        left, right = who[at - 1], who[at]
        if left != right:
            distance = float(where[at] - where[at - 1])
            gathered[left] += idf[right] / (distance * distance)
            gathered[right] += idf[left] / (distance * distance)
    score = 0.0
    for slot in range(len(idf)):
        if gathered[slot] > 0:
            score += min(1.0, idf[slot]) * gathered[slot] * (K1 + 1) / (gathered[slot] + saturation)
    return score


@compiled
def _distances(where: Ints, who: Ints, tf: Doubles, slots: Ints, idf: Doubles, saturation: float) -> float:
    """Score neighbouring query terms by the spans in which they alternate."""
    score = 0.0
    for token in range(len(slots) - 1):
        left, right = slots[token], slots[token + 1]
        if left == right or tf[left] == 0 or tf[right] == 0:
            continue
        strength = min(idf[left], 1.0) + min(idf[right], 1.0)
        exact, any_order = 0.0, 0.0
        exact_end, any_end, last = -1, -1, -1
        for at in range(len(where)):
            if who[at] != left and who[at] != right:
                continue
            if last >= 0 and who[at] != who[last]:
                span = where[at] - where[last] + 1
                gain = idf[left] * idf[right] * (strength / span) ** 2
                if span <= WINDOW and where[last] > any_end:
                    any_order += gain
                    any_end = where[at]
                if span == 2 and who[last] == left and where[last] > exact_end:
                    exact += gain
                    exact_end = where[at]
            last = at
        score += LAMBDA * (K1 + 1) * (exact / (saturation + exact) + any_order / (saturation + any_order))
    return score


@compiled
def _pairs(where: Ints, who: Ints, together: Ints, out: Floats) -> None:
    """Count occurrences of two query terms within each gap, by the pairs that they make in the query."""
    counts = np.zeros((len(GAPS), 4), np.int64)
    for first in range(len(where)):
        for second in range(first + 1, len(where)):
            gap = where[second] - where[first]
            if gap > GAPS[-1]:
                break
            size = 0 if gap <= GAPS[0] else (1 if gap <= GAPS[1] else 2)
            for kind in range(4):
                counts[size, kind] += together[who[first], who[second], kind]
    for kind in range(4):
        total = 0
        for size in range(len(GAPS)):
            total += counts[size, kind]
            out[kind * len(GAPS) + size] = total
