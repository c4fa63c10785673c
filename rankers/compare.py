"""Why one passage stands above another: what each step said of both, and what the blend's features added."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from tamis.errors import InvalidInput, NotFound

from .blend.explained import Explained
from .engine import Engine
from .explain import explained, stage_scores
from .fusion import STAGE
from .hits import StageScore
from .ranking import Query

LEAST = 0.005
"""Difference of a score below which a feature is not worth a line."""

MOST = 3
"""Features that are named for a group."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A passage among the candidates of a query."""

    id: str
    rank: int
    """1 is best."""
    score: float
    stages: dict[str, StageScore | None]
    blend: Explained | None
    """Its score by the blend in parts; None: there is no blend, or it did not score this passage."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two passages of one ranking."""

    query: str
    above: Placed
    below: Placed

    @property
    def differences(self) -> dict[str, float]:
        """What each group of features adds to the upper one's score beyond the lower one's, largest first."""
        if self.above.blend is None or self.below.blend is None:
            return {}
        upper, lower = self.above.blend.groups, self.below.blend.groups
        found = {group: upper[group] - lower[group] for group in upper}
        return dict(sorted(found.items(), key=lambda item: -abs(item[1])))

    def words(self) -> Iterator[str]:
        """Say it, a line at a time."""
        above, below = self.above, self.below
        yield f"{above.id} is at rank {above.rank}, {below.id} at rank {below.rank}."
        for name, upper in above.stages.items():
            lower = below.stages[name]
            yield f"{name}: {_placed(above.id, upper)}, {_placed(below.id, lower)}; {_favours(self, upper, lower)}"
        if self.above.blend is not None and self.below.blend is not None:
            yield "the blend's scores differ by:"
            for group, difference in self.differences.items():
                if abs(difference) >= LEAST:
                    yield f"  {difference:+.3f} {group}{_features(self.above.blend, self.below.blend, group)}"


def compare(engine: Engine, query: str, ids: tuple[str, str], pipeline: str | None = None) -> Comparison:
    """Say why one of two passages stands above the other.

    Args:
        engine: that is asked.
        query: the question.
        ids: of both passages, in any order.
        pipeline: which of the engine's; None: the default one.

    Raises:
        NotFound: the index has no such passage, or it is not among the candidates of this query.
        InvalidInput: the query is empty, or both ids are the same.
    """
    if ids[0] == ids[1]:
        raise InvalidInput(f"both passages are {ids[0]!r}; name two of them")
    if not query.strip():
        raise InvalidInput(f"the query must be a text that is not empty, got {query!r}")
    rows = [engine.row_of(id_) for id_ in ids]
    path, asked = engine.named(pipeline), Query("0", query)
    answer = path.run([asked])
    ranking = answer.rankings[0]
    parts = explained(path, answer, 0, asked, rows)
    both = []
    for id_, row, blend in zip(ids, rows, parts, strict=True):
        places = (ranking.rows == row).nonzero()[0]
        if not len(places):
            raise NotFound(
                f"{id_!r} is not among the {len(ranking)} candidates of this query, so that no step compared it; "
                "raise `sparse_depth`, `dense_depth` or `blend_depth`"
            )
        place = int(places[0])
        (stages,) = stage_scores(ranking.take(places[:1]), (*path.retrievers, STAGE, *path.rescorers))
        both.append(Placed(id_, place + 1, float(ranking.scores[place]), stages, blend))
    above, below = sorted(both, key=lambda placed: placed.rank)
    return Comparison(query, above, below)


def _placed(id_: str, found: StageScore | None) -> str:
    return f"{id_} not found" if found is None else f"{id_} at rank {found.rank} with {found.score:.4f}"


def _favours(pair: Comparison, upper: StageScore | None, lower: StageScore | None) -> str:
    if upper is None and lower is None:
        return "it has no say"
    if lower is None or (upper is not None and upper.rank < lower.rank):
        return f"for {pair.above.id}"
    return f"for {pair.below.id}"


def _features(above: Explained, below: Explained, group: str) -> str:
    """Name the features that made most of the difference, with both values."""
    differences = {
        name: part.adds - below.parts[name].adds for name, part in above.parts.items() if part.group == group
    }
    largest = sorted(differences, key=lambda name: -abs(differences[name]))[:MOST]
    told = [
        f"{name} {_value(above.parts[name].value)} against {_value(below.parts[name].value)}"
        for name in largest
        if abs(differences[name]) >= LEAST
    ]
    return f" ({'; '.join(told)})" if told else ""


def _value(value: float) -> str:
    return "undefined" if math.isnan(value) else f"{value:.4g}"
