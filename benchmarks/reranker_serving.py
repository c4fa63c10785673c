"""Reranking for many clients at once: pairs a second against the bare runtime, and a small request among large ones.

    python -m benchmarks.reranker_serving --index var/bench/pydocs-exact

The bare runtime scores the same joined pairs on as many threads, in this process, with nothing around it.
"""

from __future__ import annotations

import argparse
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tamis.machine import cores
from tamis.models.scorer import Scorer
from tamis.models.store import resolve_scorer
from tamis.rankers.engine import Engine

from .harness import WORK, Result, median, record
from .serving import QUERIES, Service, closed_loop, for_requests, post, serving

CLIENTS, PAIRS, RATIO, SLOWER = 32, 50, 0.95, 3.0
CONFIG = (
    "[service]\nthreads = 40\nqueue_tokens = 10000000\nlog_requests = false\nmax_body_bytes = 8388608\n[pipeline]\n"
)
CONFIG += "rerank = 'tamis-minilm-l6'\nrerank_depth = 1\n"


def main() -> None:
    """Measure, print, and record where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", type=Path, default=WORK / "pydocs-exact", help="folder of an index")
    parser.add_argument("--requests", type=int, default=64, help=f"requests of {PAIRS} pairs, by {CLIENTS} clients")
    parser.add_argument("--large", type=int, default=1_000, help="pairs of a large request")
    parser.add_argument("--rounds", type=int, default=3, help="times that each is measured, in turns")
    parser.add_argument("--record", action="store_true", help="write the table to RESULTS.md")
    options = parser.parse_args()
    with Engine.open(options.index) as engine:
        texts = [passage.contents for passage in engine.index.passages.take(range(options.large))]
    with serving(options.index, CONFIG) as service, Scorer.open(resolve_scorer("tamis-minilm-l6", "fp32")) as scorer:
        bare, served = [], []
        for _ in range(options.rounds):
            bare.append(_bare(scorer, texts, options.requests))
            served.append(_served(service, texts, options.requests))
        alone = median([_small(service, texts) for _ in range(5)])
        among = _among(service, texts)
    rows = [
        ["bare runtime, pairs/s", f"{max(bare):.1f}"],
        [f"service, {CLIENTS} clients, pairs/s", f"{max(served):.1f}"],
        ["ratio", f"{max(served) / max(bare):.3f}"],
        ["10 pairs alone, ms", f"{alone * 1000:.0f}"],
        [f"10 pairs among requests of {options.large}, ms", f"{among * 1000:.0f}"],
        ["times as long", f"{among / alone:.2f}"],
    ]
    for row in rows:
        print(*row, sep="\t")
    if options.record:
        reached = max(served) >= RATIO * max(bare) and among <= SLOWER * alone
        record(Result(
            name="reranker-serving", title="Reranking for many clients at once",
            command="python -m benchmarks.reranker_serving --record", header=("figure", "value"), rows=rows,
            remarks=f"Asked: at least {RATIO} of the bare runtime, at most {SLOWER:g} times as long: "
            f"{'reached' if reached else 'missed'}.",
        ))  # fmt: skip


def _request(texts: list[str], number: int) -> dict[str, object]:
    start = number * PAIRS % max(1, len(texts) - PAIRS)
    return {"query": QUERIES[number % len(QUERIES)], "documents": texts[start : start + PAIRS]}


def _bare(scorer: Scorer, texts: list[str], count: int) -> float:
    """Run joined pairs on a thread a core, longest work first or not: as they come; gives pairs a second."""
    asked = [_request(texts, number) for number in range(count)]
    pairs = [
        scorer.joined(str(one["query"]), text)
        for one in asked
        for text in one["documents"]  # type: ignore[attr-defined]
    ]
    with ThreadPoolExecutor(cores()) as pool:
        start = time.perf_counter()
        list(pool.map(scorer.run, pairs))
        return len(pairs) / (time.perf_counter() - start)


def _served(service: Service, texts: list[str], count: int) -> float:
    start = time.perf_counter()
    answers = closed_loop(service, CLIENTS, for_requests(count), lambda n: _request(texts, n), path="/v1/rerank")
    if set(answers.statuses) != {200}:
        raise SystemExit(f"the service answered {set(answers.statuses)}")
    return count * PAIRS / (time.perf_counter() - start)


def _small(service: Service, texts: list[str]) -> float:
    status, seconds, _ = post(service.connect(), "/v1/rerank", {"query": QUERIES[0], "documents": texts[:10]})
    if status != 200:
        raise SystemExit(f"the service answered {status}")
    return seconds


def _among(service: Service, texts: list[str]) -> float:
    """Ask for ten pairs while four clients ask for many; gives the median's seconds."""
    over = threading.Event()
    large = threading.Thread(
        target=closed_loop,
        args=(service, 4, lambda _: over.is_set(), lambda n: {"query": QUERIES[n % 10], "documents": texts}),
        kwargs={"path": "/v1/rerank"},
    )
    large.start()
    time.sleep(2)  # they are all being read
    found = []
    for _ in range(5):
        found.append(_small(service, texts))
        time.sleep(0.5)
    over.set()
    large.join()
    return median(found)


if __name__ == "__main__":
    main()
