"""Statistics of single query terms in each candidate, pooled over the query: 61 of a field's features.

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

BM25_K1, BM25_B = 2.0, 0.75
MU = 1_000.0
JELINEK = 0.1
LOG_2 = 0.6931471805599453

VARYING = 8
"""Statistics that differ from candidate to candidate; the two after them are the query's alone."""
POOLED, MEDIAN = 6, 2
_FEW = 24
"""Up to so many values are sorted to find the middle one; among more it is selected."""


@compiled
def term_features(
    ends: npt.NDArray[np.int64],
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
    """Write ten statistics, six poolings each, then the log likelihood with Jelinek-Mercer smoothing.

    A statistic of which nothing is wanted is left as it is; so is a median that is not.

    Args:
        ends: where each candidate's occurrences end: int64[n + 1].
        found: slot of each occurrence.
        lengths: tokens of each candidate: int32[n].
        slots: slot of each token of the query.
        df: passages with each slot's term.
        cf: times each slot's term is in the collection.
        documents: passages with this field.
        tokens: tokens of this field.
        wanted: bool[61], the columns that are read.
        out: float32[n, 61 or more].
    """
    width, count = len(df), len(slots)
    needed, middle = _needed(wanted)
    weights = _weigh(df, cf, documents, tokens)
    values, pooled, tf = np.empty((VARYING, width)), np.empty(max(1, count)), np.zeros(width)
    fixed = np.empty(2 * POOLED, np.float32)
    for token in range(count):
        pooled[token] = np.log(documents / (df[slots[token]] + 1))
    _pool(pooled, count, middle[VARYING], fixed[:POOLED])
    for token in range(count):
        pooled[token] = np.log(tokens / (cf[slots[token]] + 1))
    _pool(pooled, count, middle[VARYING + 1], fixed[POOLED:])
    for candidate in range(len(lengths)):
        tf[:] = 0
        for at in range(ends[candidate], ends[candidate + 1]):
            tf[found[at]] += 1
        likelihood = _values(tf, lengths[candidate], tokens / documents, weights, needed, values)
        row = out[candidate]
        for statistic in range(VARYING):
            if not needed[statistic]:
                continue
            cells = row[statistic * POOLED : (statistic + 1) * POOLED]
            kept = _defined(values[statistic], slots, pooled)
            _pool(pooled, kept, middle[statistic], cells)
            if kept == 0 and 2 <= statistic <= 4 and count > 0:
                cells[0] = 0  # none of the terms is there: a score of nothing
        row[VARYING * POOLED : (VARYING + 2) * POOLED] = fixed
        total = 0.0
        for token in range(count):
            total += likelihood[slots[token]]
        row[(VARYING + 2) * POOLED] = total if count > 0 else np.nan


@compiled
def _needed(wanted: Flags) -> tuple[Flags, Flags]:
    """Say of each statistic, Jelinek-Mercer the last, whether anything of it is wanted, and whether its median is."""
    needed, middle = np.zeros(VARYING + 3, np.bool_), np.zeros(VARYING + 3, np.bool_)
    for column in range((VARYING + 2) * POOLED + 1):
        if wanted[column]:
            needed[column // POOLED] = True
            middle[column // POOLED] |= column % POOLED == MEDIAN
    return needed, middle


@compiled
def _defined(values: Doubles, slots: Ints, out: Doubles) -> int:
    """Copy the value of each token of the query that has one; return how many do."""
    kept = 0
    for slot in slots:
        if not np.isnan(values[slot]):
            out[kept] = values[slot]
            kept += 1
    return kept


@compiled
def _weigh(df: Doubles, cf: Doubles, documents: float, tokens: float) -> Doubles:
    """Compute what depends on term and collection alone: float64[slots, 8]."""
    weights = np.empty((len(df), 8))
    for slot in range(len(df)):
        n, f = df[slot], cf[slot]
        chance = (f + 1) / (tokens + 1)
        rate = (f + 1) / (documents + f + 1)
        expected = documents * (1 - ((documents - 1) / documents) ** f)
        weights[slot, 0] = np.log(1 + (documents - n + 0.5) / (n + 0.5))
        weights[slot, 1] = MU * chance if f > 0 else np.nan
        weights[slot, 2] = np.log2(1 + rate)
        weights[slot, 3] = np.log2((1 + rate) / rate)
        weights[slot, 4] = np.log2((documents + 1) / (expected + 0.5)) * (f + 2) / (n + 1)
        weights[slot, 5] = np.log(tokens / f) if f > 0 else np.nan
        weights[slot, 7] = np.log(MU * chance) if f > 0 else np.nan
        weights[slot, 6] = np.log(documents / n) if n > 0 else 0.0
    return weights


@compiled
def _values(tf: Doubles, length: int, mean_length: float, weights: Doubles, needed: Flags, values: Doubles) -> Doubles:
    """Write each needed statistic of each slot, NaN where it is not defined; return the Jelinek-Mercer scores."""
    likelihood = np.zeros(len(tf))
    saturation = BM25_K1 * (1 - BM25_B + BM25_B * length / mean_length)
    spread = np.log2(1 + mean_length / length) if length > 0 else 0.0
    smoothing = np.log(MU + length)
    log_length = np.log(length) if length > 0 else np.nan
    for slot in range(len(tf)):
        times = tf[slot]
        if times == 0:
            values[1, slot] = weights[slot, 7] - smoothing
            values[0, slot] = values[5, slot] = values[6, slot] = 0
            values[2, slot] = values[3, slot] = values[4, slot] = np.nan
            values[7, slot] = log_length + LOG_2
            continue
        log_times, normal, share = np.log(times), times * spread, times / length
        values[0, slot] = weights[slot, 0] * times / (times + saturation)
        if needed[1]:
            values[1, slot] = np.log(times + weights[slot, 1]) - smoothing
        values[2, slot] = (weights[slot, 2] + normal * weights[slot, 3]) / (1 + normal)
        values[3, slot] = weights[slot, 4] * normal / (1 + normal)
        rest = 1 - share
        values[4, slot] = 0.0
        if rest > 0 and needed[4]:
            gain = times * (log_times - log_length + weights[slot, 5]) + 0.5 * np.log(2 * np.pi * times * rest)
            values[4, slot] = rest * rest / (times + 1) * gain / LOG_2
        values[5, slot] = times
        values[6, slot] = (1 + log_times) * weights[slot, 6]
        values[7, slot] = log_length - log_times
        if needed[VARYING + 2]:
            likelihood[slot] = np.log(1 + (1 - JELINEK) * share * MU / (JELINEK * weights[slot, 1]))
    return likelihood


@compiled
def _pool(values: Doubles, count: int, middle: bool, out: Floats) -> None:
    """Write sum, mean, median, maximum, minimum and maximum / minimum of the first `count` values.

    Without `middle` the median is left as it is. Reorders the values. Writes NaN where there are none, and for a ratio
    that is not finite.
    """
    if count == 0:
        out[:] = np.nan
        return
    total, least, most = 0.0, values[0], values[0]
    for place in range(count):
        value = values[place]
        total += value
        least = min(least, value)
        most = max(most, value)
    out[0] = total
    out[1] = total / count
    if middle:
        out[MEDIAN] = _middle(values, count)
    out[3] = most
    out[4] = least
    ratio = np.float32(most / least)
    out[5] = ratio if np.isfinite(ratio) else np.nan


@compiled
def _middle(values: Doubles, count: int) -> float:
    """Return the median of the first `count` values; of an even number the mean of the middle two."""
    half = count // 2
    if count <= _FEW:
        for place in range(1, count):
            value, at = values[place], place
            while at > 0 and values[at - 1] > value:
                values[at] = values[at - 1]
                at -= 1
            values[at] = value
    else:
        _select(values, count, half)
    if count % 2:
        return float(values[half])
    below = values[0]
    for place in range(1, half):
        below = max(below, values[place])
    return float((below + values[half]) / 2)


@compiled
def _select(values: Doubles, count: int, wanted: int) -> None:
    """Bring the value of rank `wanted` to its place, lower ones before it (Hoare 1961, FIND)."""
    left, right = 0, count - 1
    while left < right:
        pivot = values[(left + right) // 2]
        low, high = left, right
        while low <= high:
            while values[low] < pivot:
                low += 1
            while values[high] > pivot:
                high -= 1
            if low <= high:
                values[low], values[high] = values[high], values[low]
                low += 1
                high -= 1
        if wanted <= high:
            right = high
        elif wanted >= low:
            left = low
        else:
            return
