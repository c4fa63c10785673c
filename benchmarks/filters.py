"""Filters: what a search finds and takes when few passages are allowed, beside the exhaustive ranking with a filter.

    python -m benchmarks.filters [--queries 200] [--record]

msmarco-mini with a typed column of numbers drawn by chance; a filter allows all, 10 %, 1 % or .1 % of the passages.
Recall compares the best 100 of an arm with the best 100 allowed ones of its exhaustive ranking.
"""

from __future__ import annotations

import argparse
import gzip
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import orjson

from tamis.eval.judged import read_judged
from tamis.rankers.engine import Engine
from tamis.rankers.ranking import Query

from .corpora import built
from .harness import DATA, WORK, Result, median, percentile, record

DEPTH = 100
SHARES = (1.0, 0.1, 0.01, 0.001)
HEADER = ("allowed", "passages", "dense recall@100", "sparse recall@100", "search, median ms", "search, 95 % ms")


def main() -> None:
    """Measure, print, and record where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queries", type=int, default=200, help="queries of the dev split")
    parser.add_argument("--record", action="store_true", help="write the table to RESULTS.md")
    options = parser.parse_args()
    texts = [query.text for query in read_judged(str(DATA / "msmarco-mini"), "dev").queries[: options.queries]]
    corpus = {"metadata": {"number": "integer"}}
    index = built(str(_corpus()), "msmarco-numbered", corpus=corpus, encoder={"precision": "fast"})
    with Engine.open(index) as engine:
        rows = [_row(engine, texts, share) for share in SHARES]
    for row in (HEADER, *rows):
        print(*row, sep="\t")
    if options.record:
        command = "python -m benchmarks.filters --record"
        record(Result(
            "filters", "Searching among few passages", command, HEADER, rows,
            f"{len(texts)} queries, default pipeline, one a call. Asked: results equal to filtering the exhaustive "
            "ranking; through HNSW that holds up to its recall.",
        ))  # fmt: skip


def _corpus() -> Path:
    """Write the corpus with numbers from 0 to its size, each once, in an order drawn by chance."""
    out = WORK / "msmarco-numbered.jsonl"
    if not out.exists():
        with gzip.open(DATA / "msmarco-mini" / "corpus.jsonl.gz") as file:
            records = [orjson.loads(line) for line in file]
        numbers = np.random.default_rng(1).permutation(len(records)).tolist()
        lines = [
            orjson.dumps({**one, "metadata": {"number": number}}) for one, number in zip(records, numbers, strict=True)
        ]
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(b"\n".join(lines))
    return out


def _row(engine: Engine, texts: list[str], share: float) -> list[str]:
    passages = len(engine.index.passages)
    chosen = None if share == 1 else {"type": "range", "field": "number", "lt": round(share * passages)}
    allowed = None if chosen is None else engine.selections.of(chosen)
    vectors = engine.index.dense.vectors(np.arange(passages, dtype=np.int32))
    recall: dict[str, list[float]] = {"dense": [], "sparse": []}
    for text in texts:
        query = engine.index.encoder.encode([text], "query")[0]
        every = engine.pipeline.retrievers["sparse"].retrieve([Query("q", text)], passages)[0]
        words = np.full(passages, -np.inf, np.float32)
        words[every.rows] = every.scores
        for arm, scores in {"dense": vectors @ query, "sparse": words}.items():
            found = engine.pipeline.retrievers[arm].retrieve([Query("q", text, allowed)], DEPTH)[0].rows
            recall[arm].append(_recall(scores[found], scores if allowed is None else scores[allowed]))
    took = []
    for text in texts:
        start = time.perf_counter()
        engine.search(text, filter=chosen)
        took.append((time.perf_counter() - start) * 1000)
    return [
        f"{share:.1%}", f"{passages if allowed is None else allowed.sum():,}", f"{np.mean(recall['dense']):.4f}",
        f"{np.mean(recall['sparse']):.4f}", f"{median(took):.2f}", f"{percentile(took, 0.95):.2f}",
    ]  # fmt: skip


def _recall(found: npt.NDArray[np.float32], everything: npt.NDArray[np.float32]) -> float:
    """Return the share of the best scores that was found; of passages with equal scores, any may be."""
    best = np.sort(everything[np.isfinite(everything)])[::-1][:DEPTH]
    return float((found >= best[-1]).sum()) / len(best) if len(best) else 1.0


if __name__ == "__main__":
    main()
