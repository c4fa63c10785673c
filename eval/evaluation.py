"""Evaluates a pipeline: its run over a collection, scored, timed and written to a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ir_measures import Measure

from tamis.indexer.progress import Progress
from tamis.models.digest import sha256_json
from tamis.rankers.config import PipelineConfig
from tamis.rankers.engine import Engine
from tamis.rankers.fusion import STAGE
from tamis.rankers.pipeline import Pipeline

from .judged import Judged, check_judged_ids, without_excluded
from .latency import Milliseconds, latencies
from .measures import score_run
from .metrics import Effective, Metrics
from .outcome import Outcome
from .relevant import write_relevant
from .runs import check_coverage, run_queries
from .trec import untied, write_run

RUN = "run.trec"
FINISHED = "rankings.jsonl"
"""Where finished rankings are kept, so that an interrupted evaluation goes on."""


@dataclass(frozen=True, slots=True)
class System:
    """What is evaluated, and how people call it."""

    name: str
    pipeline: Effective
    fingerprints: Mapping[str, str]

    @property
    def key(self) -> str:
        """Hash of everything that decides the rankings; names do not."""
        return sha256_json(dict(self.fingerprints))


def fingerprints_of(engine: Engine, judged: Judged, config: PipelineConfig, pipeline: Pipeline) -> dict[str, str]:
    """Return the fingerprints of index, effective pipeline, collection and models.

    Args:
        engine: the open index.
        judged: the collection.
        config: of the pipeline as it runs, what was taken out of it taken out.
        pipeline: that which runs.
    """
    return {
        "index": engine.index.manifest.fingerprint,
        "pipeline": sha256_json(config.model_dump(mode="json")),
        "collection": judged.fingerprint,
        **{f"{step}_model": model for step, model in sorted(pipeline.models.items())},
    }


def stages_of(pipeline: Pipeline) -> tuple[str, ...]:
    """Name a pipeline's stages in order, as its answers name them."""
    return (*pipeline.retrievers, STAGE, *pipeline.rescorers)


def evaluate(
    engine: Engine,
    judged: Judged,
    out: Path,
    measures: Sequence[Measure],
    progress: Progress,
    *,
    name: str,
    pipeline: str = "default",
    without: Sequence[str] = (),
) -> Metrics:
    """Run an engine's pipeline over a collection and write the evaluation to `out`.

    Args:
        engine: an open index with the pipeline that is to be evaluated, nothing to be taken out of it any more.
        judged: queries and judgments.
        out: folder; made where there is none. What an earlier call had finished there is kept.
        measures: what to compute.
        progress: who is told how far it is.
        name: what to call this system.
        pipeline: what to call its pipeline.
        without: the stages that were taken out of it.

    Raises:
        InvalidInput: index and collection do not belong together.
    """
    warnings = check_judged_ids(judged, engine.index.passages.all_ids())
    effective = Effective(pipeline, tuple(without), stages_of(engine.pipeline))
    system = System(name, effective, fingerprints_of(engine, judged, engine.config, engine.pipeline))
    out.mkdir(parents=True, exist_ok=True)
    with progress.phase("search", len(judged.queries), "queries") as report:
        outcome = run_queries(engine, judged.queries, out / FINISHED, system.key, report, judged.qrels)
    timings = latencies({name: engine.pipeline}, judged.queries)[name]
    return conclude(system, judged, outcome, timings, measures, out, warnings)


def conclude(
    system: System,
    judged: Judged,
    outcome: Outcome,
    timings: Mapping[str, Milliseconds],
    measures: Sequence[Measure],
    out: Path,
    warnings: Sequence[str] = (),
) -> Metrics:
    """Score an outcome, and write `run.trec`, `relevant.json` and `metrics.json`."""
    run = untied(without_excluded(outcome.run, judged))
    warnings = [*judged.warnings, *warnings, *check_coverage(run, judged.qrels)]
    write_run(run, out / RUN)
    write_relevant(out, system.pipeline.stages, judged.qrels, outcome.places)
    queries = [query.id for query in judged.queries]
    values = score_run(run, judged.qrels, queries, measures)
    metrics = Metrics(
        system.name, judged.name, judged.split, queries, values, timings, system.fingerprints, warnings,
        system.pipeline, outcome.cost,
    )  # fmt: skip
    metrics.write(out)
    return metrics
