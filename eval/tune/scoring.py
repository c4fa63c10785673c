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
from tamis.rankers.blend.blend import Blend
from tamis.rankers.config import PipelineConfig
from tamis.rankers.pipeline import Answer, Pipeline
from tamis.rankers.ranking import Candidates
from tamis.rankers.rerank import Reader

from ..judged import Judged, without_excluded
from ..measures import score_run
from ..runs import BATCH, check_coverage
from ..trec import Run, strictly_decreasing
from .first_stage import FirstStage
from .reading import KeptScores

PerQuery = npt.NDArray[np.float64]
"""The measure of each query, in the order of the queries: float64[queries]."""

READ_AT_ONCE = 4
"""Queries whose candidates the second stage reads between two steps of the progress bar."""


@dataclass(frozen=True, slots=True)
class Scorer:
    """Scores pipelines over one index on one set of judged queries, by one measure."""

    index: PublishedIndex
    judged: Judged
    measure: Measure
    pool: Executor
    """Where retrievers run side by side."""
    reader: Reader | None = None
    """The model of the second stage, for pipelines that have one."""
    blend: Blend | None = None
    """The forest, for pipelines that have one."""

    def pipeline(self, config: PipelineConfig) -> Pipeline:
        """Join the stages of a pipeline."""
        return assemble(self.index, config, self.pool, self.reader, self.blend)

    def cached(self, config: PipelineConfig, first_stage: FirstStage) -> tuple[PerQuery, float]:
        """Score a pipeline from what its first stage is known to find; add the seconds that a query took after it."""
        answer = self._finish(config, first_stage)
        told = sum(seconds for step, seconds in answer.seconds.items() if step != "rerank")
        return self._score(self._run(answer.rankings)), told / len(self.judged.queries) + self._reading(config)

    def read(self, config: PipelineConfig, first_stage: FirstStage, report: Report) -> None:
        """Let the model of the second stage read what this pipeline would show it."""
        pipeline = self.pipeline(config)
        found = first_stage.found(config)
        for start in range(0, len(self.judged.queries), READ_AT_ONCE):
            end = start + READ_AT_ONCE
            pipeline.finish(self.judged.queries[start:end], {arm: lists[start:end] for arm, lists in found.items()})
            report(min(end, len(self.judged.queries)))

    def check(self, config: PipelineConfig, first_stage: FirstStage) -> None:
        """See that a pipeline's answers and the judgments are of one collection.

        Raises:
            InvalidInput: the answers name none of the judged passages.
        """
        check_coverage(self._run(self._finish(config, first_stage).rankings), self.judged.qrels)

    def _finish(self, config: PipelineConfig, first_stage: FirstStage) -> Answer:
        pipeline = self.pipeline(config)
        return pipeline.finish(self.judged.queries, first_stage.found(config))

    def _reading(self, config: PipelineConfig) -> float:
        """Guess the seconds of a query's second stage, whose pairs are read once for all trials."""
        if config.rerank is None or not isinstance(self.reader, KeptScores):
            return 0.0
        return self.reader.seconds_a_pair * config.rerank_depth

    def real(self, config: PipelineConfig, report: Report) -> PerQuery:
        """Score a pipeline by asking it every query."""
        pipeline = self.pipeline(config)
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
