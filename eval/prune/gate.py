"""When the cold tier should be asked: a threshold by the share of queries that ask it, and what that is worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from ir_measures import Measure

from tamis.errors import InvalidInput
from tamis.indexer.progress import Report
from tamis.rankers.engine import Engine
from tamis.rankers.pipeline import Pipeline
from tamis.rankers.tiers import Gate, gap

from ..judged import Judged, without_excluded
from ..measures import Values, score_run
from ..runs import BATCH
from ..trec import Run, untied

Ranked = tuple[list[str], npt.NDArray[np.float32]]
"""Ids of passages and their scores, best first."""

SHARES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Asked:
    """A share of the queries that asks the cold tier."""

    share: float
    """Of the queries, in fact: as near to the one wanted as equal scores allow."""
    below: float
    """Threshold."""
    means: dict[str, float]
    """Of each measure, by its name: queries that ask have what both tiers find, the others what the hot one does."""


@dataclass(frozen=True, slots=True)
class Gated:
    """Queries answered twice: by the hot tier alone, and by both."""

    gaps: npt.NDArray[np.float64]
    """By how much the best hot passage stands out for the dense arm: float64[queries]."""
    hot: Values
    both: Values

    def at(self, share: float) -> Asked:
        """Say what it is worth to ask for a share of the queries: those with the smallest gaps."""
        below = threshold(self.gaps, share)
        asked = self.gaps < below
        means = {name: float(np.where(asked, self.both[name], hot).mean()) for name, hot in self.hot.items()}
        return Asked(float(asked.mean()), below, means)


def threshold(gaps: npt.NDArray[np.float64], share: float) -> float:
    """Return the gap below which a share of the queries lies, in the middle between two of them.

    Args:
        gaps: of each query: float64[n].
        share: of the queries, 0 to 1.

    Raises:
        InvalidInput: the share is none, or there are no queries.
    """
    if not 0 <= share <= 1:
        raise InvalidInput(f"a share of the queries must be from 0 to 1, got {share}")
    if not len(gaps):
        raise InvalidInput("there are no queries to choose a threshold by")
    ordered, count = np.sort(gaps), round(share * len(gaps))
    if count == 0:
        return float(ordered[0])
    if count == len(ordered):
        return float(np.nextafter(ordered[-1], np.inf))
    return float((ordered[count - 1] + ordered[count]) / 2)


def answer_by_tiers(
    engine: Engine, pipeline: Pipeline, judged: Judged, measures: Sequence[Measure], report: Report
) -> Gated:
    """Ask all queries of the hot tier alone, and of both.

    Args:
        engine: an open index of two tiers.
        pipeline: of it, with `cold` set to "always".
        judged: queries and judgments.
        measures: what to compute.
        report: called with the number of queries asked so far.

    Raises:
        InvalidInput: it has no cold tier, or no dense arm.
    """
    if pipeline.cold is None or "dense" not in pipeline.retrievers:
        raise InvalidInput('choosing a gate takes a pipeline over two tiers with a dense arm, and cold = "always"')
    never = replace(pipeline, cold=None)
    always = replace(pipeline, cold=replace(pipeline.cold, gate=Gate(None)))
    gaps = list[float]()
    hot, both = dict[str, Ranked](), dict[str, Ranked]()
    for start in range(0, len(judged.queries), BATCH):
        batch = judged.queries[start : start + BATCH]
        for path, found in ((never, hot), (always, both)):
            answer = path.run(batch)
            if path is never:
                gaps += map(gap, answer.stages["dense"])
            for query, ranking in zip(batch, answer.rankings, strict=True):
                found[query.id] = (engine.index.passages.ids_of(ranking.rows), ranking.scores)
        report(start + len(batch))
    ids = [query.id for query in judged.queries]
    runs = (untied(without_excluded(Run(found), judged)) for found in (hot, both))
    return Gated(np.array(gaps), *(score_run(run, judged.qrels, ids, measures) for run in runs))
