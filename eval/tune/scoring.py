"""What a pipeline is worth on judged queries: the same code ranks a trial's cached candidates and a real query."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from ir_measures import Measure

from tamis.indexer.progress import Report
from tamis.indexer.published import PublishedIndex
from tamis.rankers.assemble import assemble
from tamis.rankers.config import PipelineConfig
from tamis.rankers.pipeline import Answer
from tamis.rankers.ranking import Candidates

from ..judged import Judged, without_excluded
from ..measures import score_run
from ..runs import BATCH, check_coverage
from ..trec import Run, strictly_decreasing
from .first_stage import FirstStage

PerQuery = npt.NDArray[np.float64]
"""The measure of each query, in the order of the queries: float64[queries]."""


@dataclass(frozen=True, slots=True)
class Scorer:
    """Scores pipelines over one index on one set of judged queries, by one measure."""

    index: PublishedIndex
    judged: Judged
    measure: Measure
    pool: Executor
    """Where retrievers run side by side."""

    def cached(self, config: PipelineConfig, first_stage: FirstStage) -> tuple[PerQuery, float]:
        """Score a pipeline from what its first stage is known to find; add the seconds that a query took after it."""
        answer = self._finish(config, first_stage)
        seconds = sum(answer.seconds.values()) / len(self.judged.queries)
        return self._score(self._run(answer.rankings)), seconds

    def check(self, config: PipelineConfig, first_stage: FirstStage) -> None:
        """See that a pipeline's answers and the judgments are of one collection.

        Raises:
            InvalidInput: the answers name none of the judged passages.
        """
        check_coverage(self._run(self._finish(config, first_stage).rankings), self.judged.qrels)

    def _finish(self, config: PipelineConfig, first_stage: FirstStage) -> Answer:
        return assemble(self.index, config, self.pool).finish(self.judged.queries, first_stage.found(config))

    def real(self, config: PipelineConfig, report: Report) -> PerQuery:
        """Score a pipeline by asking it every query."""
        pipeline = assemble(self.index, config, self.pool)
        rankings: list[Candidates] = []
        for start in range(0, len(self.judged.queries), BATCH):
            rankings += pipeline.run(self.judged.queries[start : start + BATCH]).rankings
            report(len(rankings))
        return self._score(self._run(rankings))

    def _run(self, rankings: Sequence[Candidates]) -> Run:
        """Name the passages, as far down as the measure looks."""
        cutoff, excluded, named = cutoff_of(self.measure), self.judged.excluded, {}
        for query, ranking in zip(self.judged.queries, rankings, strict=True):
            top = ranking if cutoff is None else ranking.top(cutoff + len(excluded.get(query.id, ())))
            named[query.id] = (self.index.passages.ids_of(top.rows), strictly_decreasing(top.scores))
        return without_excluded(Run(named), self.judged)

    def _score(self, run: Run) -> PerQuery:
        ids = [query.id for query in self.judged.queries]
        return score_run(run, self.judged.qrels, ids, [self.measure])[str(self.measure)]


def cutoff_of(measure: Measure) -> int | None:
    """Return how far down a measure looks; None: all the way."""
    cutoff: int | None = measure.params.get("cutoff")
    return cutoff
