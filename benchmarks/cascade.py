"""Cascade: is rereading the blend's best 30 as good as rereading the fusion's best 100, at a third of the cost?

    python -m benchmarks.cascade [--collection squad11] [--queries 2000] [--blend default] [--minutes 60] [--record]

The index is built where it is not there yet. Scores of pairs do not depend on company, so each pair is read once and
kept in a file: an interrupted run goes on where it was, and one that ran out of minutes reports the queries that it has
read, and says how many. Cost is the tokens that the reranker reads. The final score is a mixture of both stages'
standardised scores, for both contenders alike.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import orjson

from tamis.eval.judged import Judged, read_judged
from tamis.eval.significance import bootstrap_interval, non_inferiority
from tamis.rankers.assemble import open_reader
from tamis.rankers.config import PipelineConfig
from tamis.rankers.engine import Engine
from tamis.rankers.pair_scorer import PairScorer
from tamis.rankers.ranking import Candidates, Query, canonical
from tamis.rankers.standard import standardised
from tamis.training.blend.ndcg import DISCOUNTS, ideal_gain
from tamis.training.mining import sampled

from .corpora import built
from .harness import DATA, WORK, Result, record

DEPTHS = {"fused": 100, "blend": 30}
MARGIN = 0.01
"""Loss, relative to the mean of the fusion's, that is held to be of no consequence."""
RERANK_WEIGHT = 0.3
"""Of the reranker's standardised score; the rest is that of the order before. The project's default reranker is mixed
so (docs/reranking.md)."""
RERANKER = "tamis-minilm-l6"

Read = dict[int, tuple[float, int]]
"""By row of a passage: score and tokens."""


def main() -> None:
    """Read, compare, print, and write where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--collection", default="squad11")
    parser.add_argument("--split", default="dev")
    parser.add_argument("--queries", type=int, default=2_000)
    parser.add_argument("--blend", default="default", help="as `pipeline.blend` names it")
    parser.add_argument("--minutes", type=float, default=60.0, help="end reading after so long")
    parser.add_argument("--record", action="store_true", help="write the table to RESULTS.md")
    options = parser.parse_args()
    source = str(DATA / options.collection)
    judged = sampled(read_judged(source, options.split), options.queries, 0)
    index = built(source, f"{options.collection}-default")
    config = PipelineConfig(blend=options.blend, rerank=RERANKER, rerank_precision="int8")
    with Engine.open(index, PipelineConfig(blend=options.blend)) as engine:
        reader = open_reader(config, "cpu")
        assert reader is not None
        try:
            cache = WORK / "cascade" / f"{engine.index.manifest.fingerprint[:12]}-{reader.fingerprint[:12]}.jsonl"
            rows = compared(engine, reader, judged, cache, time.monotonic() + 60 * options.minutes)
        finally:
            reader.close()
    for cells in rows:
        print(*cells, sep="  ")
    if options.record:
        command = f"python -m benchmarks.cascade --collection {options.collection} --queries {options.queries} --record"
        remarks = (
            f"{options.collection} {options.split}, blend {options.blend!r}, {RERANKER} in int8, mixed {RERANK_WEIGHT} "
            f"to {1 - RERANK_WEIGHT}. "
            f"Asked: not inferior by {MARGIN:.0%} with at least 2,000 queries, at a third of the tokens or fewer."
        )
        record(Result("cascade", "Cascade: the blend cuts for the reranker", command, ("what", "value"), rows, remarks))


def compared(engine: Engine, reader: PairScorer, judged: Judged, cache: Path, until: float) -> list[tuple[str, str]]:
    """Score both ways for the queries that there is time for."""
    ndcg: dict[str, list[float]] = {name: [] for name in DEPTHS}
    tokens: dict[str, list[int]] = {name: [] for name in DEPTHS}
    for query, lists, read in reading(engine, reader, judged.queries, cache, until):
        grades = {engine.index.ids.row_of(id_): grade for id_, grade in judged.qrels[query.id].items()}
        for name, found in lists.items():
            order = mixed(engine, found, read)
            gains = np.array([max(0, grades.get(row, 0)) for row in order[: len(DISCOUNTS)]])
            best = ideal_gain(judged.qrels[query.id].values())
            ndcg[name].append(float(gains @ DISCOUNTS[: len(gains)]) / best if best else 0.0)
            tokens[name].append(sum(read[row][1] for row in found.rows.tolist()))
    if not ndcg["blend"]:
        raise SystemExit("no query was read in time; give it more --minutes")
    return table(ndcg, tokens)


def table(ndcg: dict[str, list[float]], tokens: dict[str, list[int]]) -> list[tuple[str, str]]:
    """Compare the two."""
    differences = np.array(ndcg["blend"]) - np.array(ndcg["fused"])
    interval = bootstrap_interval(differences)
    baseline = float(np.mean(ndcg["fused"]))
    rows = [("queries", f"{len(differences):,}")]
    for name, depth in DEPTHS.items():
        rows.append((f"nDCG@10, {depth} of {name}", f"{np.mean(ndcg[name]):.4f}"))
        rows.append((f"tokens read a query, {depth} of {name}", f"{np.mean(tokens[name]):,.0f}"))
    rows.append(("difference", f"{differences.mean():+.4f} [{interval.low:+.4f}, {interval.high:+.4f}]"))
    p = non_inferiority(differences, MARGIN * baseline)
    rows.append((f"p that it is worse by {MARGIN:.0%} or more", f"{p:.4f}"))
    rows.append(("share of the cost", f"{np.sum(tokens['blend']) / np.sum(tokens['fused']):.3f}"))
    return rows


def reading(
    engine: Engine, reader: PairScorer, queries: Sequence[Query], cache: Path, until: float
) -> Iterator[tuple[Query, dict[str, Candidates], Read]]:
    """Yield each query with what both ways hand to the reranker, all of it read; kept line by line in `cache`."""
    known = {line["query"]: line["read"] for line in map(orjson.loads, lines(cache))}
    cache.parent.mkdir(parents=True, exist_ok=True)
    with cache.open("ab") as file:
        for query in queries:
            answer = engine.pipeline.run([query])
            lists = {name: answer.stages[name][0].top(depth) for name, depth in DEPTHS.items()}
            wanted = sorted({row for found in lists.values() for row in found.rows.tolist()})
            kept = known.get(query.id, {}).items()
            read: Read = {int(row): (np.nan if score is None else score, count) for row, (score, count) in kept}
            if missing := [row for row in wanted if row not in read]:
                if time.monotonic() > until:
                    return
                passages = engine.index.passages.take(np.array(missing, np.int32))
                scored = reader.score_pairs([(query.text, passage.contents) for passage in passages])
                values = zip(scored.scores.tolist(), scored.tokens.tolist(), strict=True)
                read |= dict(zip(missing, values, strict=True))
                line = {"query": query.id, "read": {str(row): value for row, value in read.items()}}
                file.write(orjson.dumps(line) + b"\n")
                file.flush()
            yield query, lists, read


def lines(cache: Path) -> list[bytes]:
    """Return the whole lines of a file that may have been cut off."""
    return [line for line in cache.read_bytes().splitlines(True) if line.endswith(b"\n")] if cache.exists() else []


def mixed(engine: Engine, found: Candidates, read: Read) -> list[int]:
    """Order candidates as the pipeline's reranker does with these weights."""
    scores = np.array([read[row][0] for row in found.rows.tolist()], np.float32)
    final = RERANK_WEIGHT * standardised(scores) + (1 - RERANK_WEIGHT) * standardised(found.scores)
    order = canonical(found.rows, final.astype(np.float32), engine.index.ids.rank)
    return [int(row) for row in found.rows[order]]


if __name__ == "__main__":
    main()
