"""Time of a blend's features and forest together, for 200 and 1,000 candidates, and its share of a whole query.

    python -m benchmarks.forest [--record]

MS MARCO passages; candidates are what the first stage finds for queries of the dev split. The forest is learned from
the same queries, with the most trees and leaves that training tries: it is there to be timed and not to be judged. One
thread, warm. The share is that of the default blend in the mean time of dense retrieval plus reranking, of queries
asked one at a time; the reranker is the default one in int8, on all cores.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

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

from .corpora import built
from .harness import DATA, Result, median, percentile, record

COMMAND = "python -m benchmarks.forest --record"
DEPTHS = (200, 1_000)
QUERIES = 100
RERANK_DEPTHS = (30, 100)
MOST_SHARE = 0.043

Asked = list[tuple[Query, Candidates]]


def main() -> None:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true", help="write the table to RESULTS.md")
    options = parser.parse_args()
    rows = []
    index = built(str(DATA / "msmarco-mini"), "msmarco-mini-default")
    with Engine.open(index, PipelineConfig(sparse_depth=DEPTHS[-1], dense_depth=DEPTHS[-1])) as engine:
        judged = read_judged(str(DATA / "msmarco-mini"), "dev")
        asked = [(query, engine.pipeline.run([query]).rankings[0]) for query in judged.queries[:QUERIES]]
        forward = engine.index.forward
        assert forward is not None
        extractor = FeatureExtractor(forward, vectors=engine.index.dense.vectors)
        forest = grown(engine, judged, extractor, asked)
        for depth in DEPTHS:
            rows += measured(extractor, forest, asked, depth)
        passages = forward.passages
    rows += [share(index, judged, depth) for depth in RERANK_DEPTHS]
    for row in rows:
        print(*row)
    if options.record:
        most = max(BlendRecipe().leaves)
        remarks = (
            f"{len(extractor.schema)} features, without translations; {forest.trees} trees of {most} leaves at most; "
            f"{passages:,} passages. Where the clock is above the processor, other programs ran. "
            "Asked: 200 candidates, features in at most 2 ms and forest in at most 1.5 ms; 1,000 candidates in at most "
            f"17 ms together; medians, one thread. Of the blend's share: at most {MOST_SHARE:.1%}."
        )
        record(Result("forest", "Features and forest of a blend", COMMAND, ("what", "median", "p95"), rows, remarks))


def share(index: Path, judged: Judged, depth: int) -> list[str]:
    """Time whole queries: what the blend adds to dense retrieval and reranking so deep."""
    config = PipelineConfig(blend="default", rerank="tamis-minilm-l6", rerank_precision="int8", rerank_depth=depth)
    seconds: dict[str, list[float]] = {name: [] for name in ("dense", "blend", "rerank")}
    with Engine.open(index, config) as engine:
        for round_ in range(2):  # the first warms up
            for query in judged.queries[:QUERIES]:
                answer = engine.pipeline.run([query])
                for name, values in seconds.items() if round_ else ():
                    values.append(answer.seconds[name])
    dense, blend, rerank = (1e3 * float(np.mean(values)) for values in seconds.values())
    told = f"{dense:.1f} + {rerank:.1f} ms, the blend {blend:.2f} ms"
    return [f"the blend beside dense + reranking of {depth}, means: {told}", f"{blend / (dense + rerank):.1%}", ""]


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
