"""Ablation: the variants of a pipeline in one pass that shares what they have in common, and the verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import orjson
from ir_measures import Measure

from tamis.errors import InvalidInput
from tamis.indexer.progress import Progress, Report
from tamis.rankers.engine import Engine
from tamis.rankers.pipeline import Pipeline
from tamis.rankers.variants import ablations, without

from .compare import MARGIN
from .evaluation import FINISHED, System, conclude, fingerprints_of, stages_of
from .journal import Journal
from .judged import Judged, check_judged_ids
from .latency import latencies
from .metrics import Effective, Metrics
from .outcome import Outcome, Recorder
from .runs import batches
from .shared import SharedBatch
from .verdict import Ablated, Verdict, judge

FILE = "ablation.json"
BASELINE = "full"


@dataclass(frozen=True, slots=True)
class Member:
    """One variant."""

    pipeline: Pipeline
    system: System
    folder: Path


@dataclass(frozen=True, slots=True)
class Ablation:
    """What an ablation found."""

    measure: str
    variants: Mapping[str, Metrics]
    """Evaluations by the variant's name, the full pipeline first."""
    ms: Mapping[str, float]
    """Milliseconds of the median query by the variant's name."""
    verdicts: Sequence[Verdict]

    def content(self) -> dict[str, object]:
        """Return it as `ablation.json` holds it."""
        variants = []
        for name, metrics in self.variants.items():
            interval = metrics.intervals[self.measure]
            mean = float(metrics.values[self.measure].mean())
            row = {"name": name, "mean": mean, "interval": [interval.low, interval.high], "ms_p50": self.ms[name]}
            variants.append(row)
        verdicts = [{**asdict(one), "interval": [one.interval.low, one.interval.high]} for one in self.verdicts]
        return {"measure": self.measure, "baseline": BASELINE, "variants": variants, "verdicts": verdicts}


def ablate(
    engine: Engine,
    judged: Judged,
    out: Path,
    measures: Sequence[Measure],
    progress: Progress,
    *,
    measure: str,
    pipeline: str = "default",
    margin: float = MARGIN,
) -> Ablation:
    """Evaluate an engine's pipeline without each of its stages, and judge what each stage is worth.

    Each variant's folder is what `evaluate` would write for it: the same run, byte for byte. What an
    earlier call had finished in `out` is kept.

    Args:
        engine: an open index and the full pipeline.
        judged: queries and judgments.
        out: folder for the variants' folders and `ablation.json`; made where there is none.
        measures: what to compute.
        progress: who is told how far it is.
        measure: name of the one by which stages are judged; one of `measures`.
        pipeline: what to call the full pipeline.
        margin: loss, relative to the full pipeline's mean, that is of no consequence.

    Raises:
        InvalidInput: nothing can be taken out of the pipeline, or index and collection do not belong together.
    """
    members = _members(engine, judged, out, pipeline)
    if len(members) == 1:
        raise InvalidInput(
            f"pipeline {pipeline!r} has one stage, {', '.join(engine.pipeline.retrievers)}: nothing can be taken out"
        )
    warnings = check_judged_ids(judged, engine.index.passages.all_ids())
    with progress.phase("search", len(judged.queries), "queries") as report:
        outcomes = _search(engine, judged, members, report)
    timings = latencies({name: member.pipeline for name, member in members.items()}, judged.queries)
    evaluated = {
        name: conclude(member.system, judged, outcomes[name], timings[name], measures, member.folder, warnings)
        for name, member in members.items()
    }
    ms = {name: float(np.median(steps["total"])) for name, steps in timings.items()}
    compared = [
        Ablated(stage, evaluated[BASELINE].values[measure], evaluated[name].values[measure], ms[BASELINE] - ms[name])
        for stage, name in _counterparts(members).items()
    ]
    found = Ablation(measure, evaluated, ms, judge(compared, measure, margin))
    (out / FILE).write_bytes(orjson.dumps(found.content(), option=orjson.OPT_INDENT_2))
    return found


def _members(engine: Engine, judged: Judged, out: Path, name: str) -> dict[str, Member]:
    members = {}
    for variant in ablations(engine.pipeline):
        pipeline, config = without(engine.pipeline, variant.without), without(engine.config, variant.without)
        effective = Effective(name, variant.without, stages_of(pipeline))
        system = System(variant.name, effective, fingerprints_of(engine, judged, config, pipeline))
        members[variant.name] = Member(pipeline, system, out / variant.name)
    return members


def _search(engine: Engine, judged: Judged, members: Mapping[str, Member], report: Report) -> dict[str, Outcome]:
    recorder = Recorder(engine.index, judged.qrels)
    with ExitStack() as stack:
        journals = {}
        for name, member in members.items():
            member.folder.mkdir(parents=True, exist_ok=True)
            journals[name] = stack.enter_context(Journal(member.folder / FINISHED, member.system.key))
        for batch in batches(judged.queries, list(journals.values()), report):
            shared = SharedBatch(engine.index.encoder, batch)
            for name, member in members.items():
                journals[name].add(recorder.record(batch, *shared.answer(member.pipeline)))
        return {name: Outcome.of(journal.done, judged.queries) for name, journal in journals.items()}


def _counterparts(members: Mapping[str, Member]) -> dict[str, str]:
    """Name, for each stage that can be taken out, the variant that lacks it and nothing else."""
    left = {frozenset(_stages(member.pipeline)): name for name, member in members.items()}
    full = _stages(members[BASELINE].pipeline)
    lacking = {stage: left.get(frozenset(full) - {stage}) for stage in full}
    return {stage: name for stage, name in lacking.items() if name is not None}


def _stages(pipeline: Pipeline) -> list[str]:
    return [*pipeline.retrievers, *pipeline.rescorers]
