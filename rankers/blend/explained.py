"""Why the blend scored candidates as it did: its score in parts, by group of features and by feature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..ranking import Candidates, Query
from .blend import Blend
from .contributions import contributions

BASE = "base"
"""What every candidate gets: the forest's mean over its training."""


@dataclass(frozen=True, slots=True)
class Part:
    """One feature's share in a score."""

    group: str
    value: float
    """Of the feature; NaN where it is not defined."""
    adds: float


@dataclass(frozen=True, slots=True)
class Explained:
    """One candidate's score in parts."""

    base: float
    parts: dict[str, Part]
    """By name: the features of the forest, and the scores of the linear mix as `sparse.mix`, `dense.mix`."""

    @property
    def groups(self) -> dict[str, float]:
        """Sums by group of features, the largest first; with `base` they sum up to the blend's score."""
        sums: dict[str, float] = {}
        for part in self.parts.values():
            sums[part.group] = sums.get(part.group, 0.0) + part.adds
        return {BASE: self.base, **dict(sorted(sums.items(), key=lambda item: -abs(item[1])))}


def explain(blend: Blend, query: Query, candidates: Candidates, rows: Sequence[int]) -> list[Explained | None]:
    """Take the scores of some candidates apart.

    Args:
        blend: that scored them.
        query: what was asked.
        candidates: all that the blend scored for this query, in any order: some features compare them.
        rows: whose scores are taken apart; None comes back for one that is not among the candidates.
    """
    places = {row: place for place, row in enumerate(candidates.rows.tolist())}
    asked = [places[row] for row in rows if row in places]
    everything = blend.extractor.extract(query.text, candidates)
    columns = blend.mixable(everything)
    said = {**columns, **candidates.features}
    mixed = {name: (said[name][asked], term[asked]) for name, term in blend.start.terms(candidates, columns).items()}
    found = iter(_parts(blend, everything[asked], mixed))
    return [next(found) if row in places else None for row in rows]


def _parts(blend: Blend, values: np.ndarray, mixed: dict[str, tuple[np.ndarray, np.ndarray]]) -> list[Explained]:
    names = blend.extractor.schema
    adds = contributions(blend.forest, values) if blend.forest.trees else np.zeros((len(values), len(names) + 1))
    explained = []
    for number in range(len(values)):
        parts = {
            f"{name}.mix": Part(name.partition(".")[0], float(said[number]), float(added[number]))
            for name, (said, added) in mixed.items()
        }
        for column, feature in enumerate(names):
            parts[feature.name] = Part(feature.group, float(values[number, column]), float(adds[number, column]))
        explained.append(Explained(float(adds[number, -1]), parts))
    return explained
