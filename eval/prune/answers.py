"""The values of every pipeline on an index, in one pass that shares what they have in common."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ir_measures import Measure

from tamis.indexer.progress import Report
from tamis.rankers.config import PipelineConfig
from tamis.rankers.engine import Engine
from tamis.rankers.pipeline import Pipeline
from tamis.rankers.variants import without

from ..judged import Judged, without_excluded
from ..measures import Values, score_run
from ..runs import BATCH
from ..shared import SharedBatch
from ..trec import Run, untied

NAMES = {"sparse": "BM25", "dense": "dense", "fused": "fused", "blend": "blended", "rerank": "reranked"}


def variants(pipeline: Pipeline) -> dict[str, Pipeline]:
    """Return the pipelines that are to be proved, by name: each arm alone, then one stage more at a time."""
    rescorers, arms = list(pipeline.rescorers), list(pipeline.retrievers)
    found = {}
    for arm in arms:
        others = [other for other in arms if other != arm]
        found[NAMES[arm]] = without(pipeline, [*others, *rescorers])
    if len(arms) > 1:
        found[NAMES["fused"]] = without(pipeline, rescorers)
    for place, step in enumerate(rescorers):
        found[NAMES[step]] = without(pipeline, rescorers[place + 1 :])
    return found


def answer_all(
    index: Path, config: PipelineConfig, judged: Judged, measures: Sequence[Measure], report: Report
) -> dict[str, Values]:
    """Return values by pipeline, measure and query: float64[queries] each.

    Args:
        index: folder of the index.
        config: the full pipeline.
        judged: queries and judgments.
        measures: what to compute.
        report: called with the number of queries asked so far.
    """
    queries = [query.id for query in judged.queries]
    with Engine.open(index, config) as engine:
        pipelines = variants(engine.pipeline)
        rankings: dict[str, dict[str, tuple[list[str], object]]] = {name: {} for name in pipelines}
        for start in range(0, len(judged.queries), BATCH):
            batch = judged.queries[start : start + BATCH]
            shared = SharedBatch(engine.index.encoder, batch)
            for name, pipeline in pipelines.items():
                answer, _ = shared.answer(pipeline)
                for query, ranking in zip(batch, answer.rankings, strict=True):
                    rankings[name][query.id] = (engine.index.passages.ids_of(ranking.rows), ranking.scores)
            report(start + len(batch))
    runs = {name: untied(without_excluded(Run(found, name), judged)) for name, found in rankings.items()}  # type: ignore[arg-type]
    return {name: score_run(run, judged.qrels, queries, measures) for name, run in runs.items()}
