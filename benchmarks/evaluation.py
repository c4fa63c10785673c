"""What evaluating costs beside the pipeline's own time: 1,000 queries, in batches.

    python -m benchmarks.evaluation [--queries N] [--rounds N] [--record]

`Pipeline.run` is given the queries in the batches in which an evaluation gives them, and nothing else
is done. `run_queries` names the passages, looks where the relevant ones went, counts tokens, and
keeps what is finished in a file. The whole evaluation scores six measures with their intervals and
writes all files too; latencies, which are taken of queries asked one at a time, are left out.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from tamis.eval.evaluation import FINISHED, System, conclude, fingerprints_of, stages_of
from tamis.eval.judged import Judged, read_judged
from tamis.eval.measures import DEFAULT, parse_measure
from tamis.eval.metrics import Effective
from tamis.eval.outcome import Outcome
from tamis.eval.runs import BATCH, run_queries
from tamis.rankers.engine import Engine

from .corpora import built
from .harness import DATA, Result, alternate, median, record

LIMIT = 1.1
COLLECTIONS = (("scifact", "train"), ("squad11", "dev"))


def main() -> None:
    """Measure, print, and record where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queries", type=int, default=1_400, help="queries of each collection, at most")
    parser.add_argument("--rounds", type=int, default=5, help="times that each contender runs")
    parser.add_argument("--collection", nargs="*", default=[name for name, _ in COLLECTIONS])
    parser.add_argument("--record", action="store_true", help="write the table to RESULTS.md")
    options = parser.parse_args()
    rows = []
    for name, split in COLLECTIONS:
        if name in options.collection:
            rows += measure(read_judged(str(DATA / name), split), options.queries, options.rounds)
    if options.record:
        record(_result(rows))


def measure(judged: Judged, most: int, rounds: int) -> list[list[str]]:
    """Time the pipeline alone, the pass, and the whole evaluation, in turns."""
    queries = judged.queries[:most]
    kept = {query.id for query in queries}
    qrels = {query: found for query, found in judged.qrels.items() if query in kept}
    part = Judged(judged.name, judged.split, judged.corpus, queries, qrels)
    folder = built(judged.corpus, f"{judged.name}-fast", encoder={"precision": "fast"})
    with Engine.open(folder) as engine, tempfile.TemporaryDirectory() as place:
        seconds = alternate(_contenders(engine, part, Path(place)), rounds)
    own = median(seconds["Pipeline.run alone"])
    rows = []
    for name, times in seconds.items():
        took = median(times)
        rows.append([judged.name, str(len(queries)), name, f"{1e3 * took / len(queries):.2f}", f"{took / own:.3f}"])
        print(*rows[-1], sep="  ", flush=True)
    return rows


def _contenders(engine: Engine, judged: Judged, place: Path) -> dict[str, Callable[[], object]]:
    pipeline = engine.pipeline
    fingerprints = fingerprints_of(engine, judged, engine.config, pipeline)
    system = System("benchmark", Effective("default", (), stages_of(pipeline)), fingerprints)
    measures = [parse_measure(name) for name in DEFAULT]

    def alone() -> None:
        for start in range(0, len(judged.queries), BATCH):
            pipeline.run(judged.queries[start : start + BATCH])

    def searched() -> Outcome:
        (place / FINISHED).unlink(missing_ok=True)
        return run_queries(engine, judged.queries, place / FINISHED, system.key, lambda done: None, judged.qrels)

    def evaluated() -> None:
        conclude(system, judged, searched(), {}, measures, place)

    return {"Pipeline.run alone": alone, "run_queries": searched, "whole evaluation": evaluated}


def _result(rows: list[list[str]]) -> Result:
    worst = max(float(row[4]) for row in rows if row[2] == "whole evaluation")
    verdict = "reached" if worst <= LIMIT else f"missed: {worst:.3f}"
    return Result(
        name="evaluation",
        title="What evaluating costs beside the pipeline's own time",
        command="python -m benchmarks.evaluation --record",
        header=("collection", "queries", "what runs", "ms a query", "of the pipeline's own time"),
        rows=rows,
        remarks=f"Asked: at most {LIMIT} times the stages' own time: {verdict}. Default pipeline, batches of {BATCH}, "
        "medians of rounds in turns.",
    )


if __name__ == "__main__":
    main()
