"""What the pipeline's own work costs: fusion, ordering, dataclasses, explanation data.

    python -m benchmarks.frame [--record]

1,000 sparse and 1,000 dense candidates of 50,285 passages. The engines' own time is measured
inside the stages that call them, in the same run.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, TypeVar

from tamis.eval.judged import read_judged
from tamis.rankers.config import PipelineConfig
from tamis.rankers.engine import Engine
from tamis.rankers.ranking import Query

from .corpora import msmarco_index
from .harness import DATA, Result, median, percentile, record

DEPTH = 1_000
ENGINES = ("encoder", "FAISS", "Lucene")
T = TypeVar("T")
QUERIES = 500


def main() -> None:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true", help="write the table to RESULTS.md")
    options = parser.parse_args()
    config = PipelineConfig(sparse_depth=DEPTH, dense_depth=DEPTH)
    queries = read_judged(str(DATA / "msmarco-mini"), "dev").queries[:QUERIES]
    with Engine.open(msmarco_index(), config) as engine:
        for query in queries[:100]:
            parts(engine, query)
        figures = [parts(engine, query) for query in queries]
    names = list(figures[0])
    rows = [
        [name, f"{1e3 * median([one[name] for one in figures]):.3f}",
         f"{1e3 * percentile([one[name] for one in figures], 0.95):.3f}"]
        for name in names
    ]  # fmt: skip
    frame = 1e3 * median([one["frame: fusion and ordering"] for one in figures])
    remarks = (
        f"{DEPTH:,} + {DEPTH:,} candidates, {QUERIES} queries. Asked: the frame adds at most 0.5 ms to the engines' "
        f"own time; it adds {frame:.2f} ms."
    )
    for row in rows:
        print(*row)
    if options.record:
        header = ("part", "median ms", "p95 ms")
        record(Result("frame", "The pipeline's own work", "python -m benchmarks.frame --record", header, rows, remarks))


def parts(engine: Engine, query: Query) -> dict[str, float]:
    """Run the stages one after the other and tell the engines' own time, inside them, from the rest."""
    pipeline, spent = engine.pipeline, dict.fromkeys(ENGINES, 0.0)

    def metered(name: str, part: Any, method: str) -> SimpleNamespace:
        def call(*arguments: object) -> object:
            found, seconds = _timed(lambda: getattr(part, method)(*arguments))
            spent[name] += seconds
            return found

        return SimpleNamespace(**{method: call})

    dense: Any = pipeline.retrievers["dense"]
    sparse: Any = pipeline.retrievers["sparse"]
    dense = replace(
        dense,
        index=metered("FAISS", dense.index, "search"),
        encoder=metered("encoder", dense.encoder, "encode"),
    )
    sparse = replace(sparse, index=metered("Lucene", sparse.index, "search"))
    from_dense, dense_stage = _timed(lambda: dense.retrieve([query], DEPTH)[0])
    from_sparse, sparse_stage = _timed(lambda: sparse.retrieve([query], DEPTH)[0])
    _, fusion = _timed(lambda: pipeline.fusion({"sparse": from_sparse, "dense": from_dense}))
    _, run = _timed(lambda: pipeline.run([query]))
    return {
        **spent,
        "frame: fusion and ordering": fusion + dense_stage + sparse_stage - sum(spent.values()),
        "Pipeline.run, arms side by side": run,
    }


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


if __name__ == "__main__":
    main()
