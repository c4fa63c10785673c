"""Time of a blend's features and forest together, for 200 and 1,000 candidates.

    python -m benchmarks.forest --index INDEX [--record]

The index is of MS MARCO passages with forward files; candidates are what its first stage finds for queries of the dev
split. The forest is learned from the same queries, with the most trees and leaves that training tries: it is there to
be timed and not to be judged. One thread, warm.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import lightgbm
import numpy as np
import numpy.typing as npt

from tamis.eval.judged import Judged, read_judged
from tamis.rankers.blend.forest import Forest
from tamis.rankers.config import PipelineConfig
from tamis.rankers.engine import Engine
from tamis.rankers.features.extract import FeatureExtractor
from tamis.rankers.ranking import Candidates, Query
from tamis.training.blend.learn import parameters
from tamis.training.blend.recipe import BlendRecipe

from .harness import DATA, Result, median, percentile, record

COMMAND = "python -m benchmarks.forest --index INDEX --record"
DEPTHS = (200, 1_000)
QUERIES = 100

Asked = list[tuple[Query, Candidates]]


def main() -> None:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", required=True, help="an index of MS MARCO passages")
    parser.add_argument("--record", action="store_true", help="write the table to RESULTS.md")
    options = parser.parse_args()
    rows = []
    with Engine.open(options.index, PipelineConfig(sparse_depth=DEPTHS[-1], dense_depth=DEPTHS[-1])) as engine:
        judged = read_judged(str(DATA / "msmarco-mini"), "dev")
        asked = [(query, engine.pipeline.run([query]).rankings[0]) for query in judged.queries[:QUERIES]]
        forward = engine.index.forward
        if forward is None:
            raise SystemExit(f"{options.index} was built without forward files; build it again with them")
        extractor = FeatureExtractor(forward)
        forest = grown(engine, judged, extractor, asked)
        for depth in DEPTHS:
            rows += measured(extractor, forest, asked, depth)
        passages = forward.passages
    for row in rows:
        print(*row)
    if options.record:
        most = max(BlendRecipe().leaves)
        remarks = (
            f"{len(extractor.schema)} features, without translations; {forest.trees} trees of {most} leaves at most; "
            f"{passages:,} passages. Where the clock is above the processor, other programs ran. "
            "Asked: 200 candidates, features in at most 2 ms and forest in at most 1.5 ms; 1,000 candidates in at most "
            "17 ms together; medians, one thread."
        )
        record(Result("forest", "Features and forest of a blend", COMMAND, ("what", "median", "p95"), rows, remarks))


def grown(engine: Engine, judged: Judged, extractor: FeatureExtractor, asked: Asked) -> Forest:
    """Learn by training's own parameters, with the most trees and leaves that it tries."""
    recipe = BlendRecipe(threads=1)
    cut = [(query, found.top(DEPTHS[0])) for query, found in asked]
    grades = []
    for query, found in cut:
        known = {engine.index.ids.row_of(id_): grade for id_, grade in judged.qrels[query.id].items()}
        grades.append([known.get(row, 0) for row in found.rows.tolist()])
    learned = lightgbm.Dataset(
        np.concatenate([extractor.extract(query.text, found) for query, found in cut]),
        label=np.concatenate(grades),
        group=[len(found) for _, found in cut],
    )
    return Forest.parse(
        lightgbm.train(parameters(recipe, max(recipe.leaves)), learned, recipe.rounds).model_to_string()
    )


def measured(extractor: FeatureExtractor, forest: Forest, asked: Asked, depth: int) -> list[list[str]]:
    """Time every query after a round to warm up: rows by the clock, and by the processor's own time."""
    rows = []
    for name, clock in (("clock", time.perf_counter), ("processor", time.thread_time)):
        steps: npt.NDArray[np.float64] = np.empty((0, 2))
        for _ in range(2):
            steps = np.array([_one(extractor, forest, query, found.top(depth), clock) for query, found in asked])
        for step, took in (("features", steps[:, 0]), ("forest", steps[:, 1]), ("together", steps.sum(axis=1))):
            values = took.tolist()
            rows.append(
                [
                    f"{depth} candidates, {step}, {name}",
                    f"{1e3 * median(values):.2f} ms",
                    f"{1e3 * percentile(values, 0.95):.2f} ms",
                ]
            )
    return rows


def _one(
    extractor: FeatureExtractor, forest: Forest, query: Query, found: Candidates, clock: Callable[[], float]
) -> tuple[float, float]:
    start = clock()
    features = extractor.extract(query.text, found)
    middle = clock()
    forest.score(features)
    return middle - start, clock() - middle


if __name__ == "__main__":
    main()
