"""How well titles match the query: a title is the start of its passage."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tamis.indexer.forward.compiled import compiled

from .query import Doubles, Ints, QueryField
from .reading import Found


def title_features(titles: Ints, query: QueryField, found: Found) -> npt.NDArray[np.float32]:
    """Compute length, coverage and weighted coverage of titles.

    Args:
        titles: words of each candidate's title, int32[n].
        query: the query in the field `analysed`.
        found: where its terms stand in the candidates.

    Returns:
        float32[n, 3], NaN for passages without a title.
    """
    weights: Doubles = np.log(query.documents / np.maximum(query.df, 1)).clip(0) * (query.df > 0) * query.repeats
    return _title_features(titles, query.repeats, weights, *found)


@compiled
def _title_features(
    titles: Ints, repeats: Ints, weights: Doubles, ends: npt.NDArray[np.int64], positions: Ints, slots: Ints
) -> npt.NDArray[np.float32]:
    """Add up what of the query is in each title."""
    out = np.full((len(titles), 3), np.nan, np.float32)
    everything, tokens = weights.sum(), repeats.sum()
    for candidate in range(len(titles)):
        if titles[candidate] == 0:
            continue
        seen = np.zeros(len(repeats), np.bool_)
        for at in range(ends[candidate], ends[candidate + 1]):
            if positions[at] >= titles[candidate]:
                break
            seen[slots[at]] = True
        matching, weight = 0, 0.0
        for slot in range(len(repeats)):
            if seen[slot]:
                matching += repeats[slot]
                weight += weights[slot]
        out[candidate, 0] = titles[candidate]
        if tokens > 0:
            out[candidate, 1] = matching / tokens
        if everything > 0:
            out[candidate, 2] = weight / everything
    return out
