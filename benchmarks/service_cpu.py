"""What a request costs the server's CPU at 32 clients, against `Pipeline.run` on as many threads.

python -m benchmarks.service_cpu --index var/bench/pydocs-exact
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tamis.rankers.config import PipelineConfig
from tamis.rankers.engine import Engine
from tamis.rankers.ranking import Query

from .harness import WORK, Result, record
from .serving import QUERIES, closed_loop, for_requests, search, serving

CLIENTS, THREADS = 32, 4
RERANK = {"rerank": "tamis-minilm-l6", "rerank_depth": 20}
LIMITS = {"without reranker": 1.25, "with reranker": 1.05}


def main() -> None:
    """Measure, print, and record where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", type=Path, default=WORK / "pydocs-exact", help="folder of an index")
    parser.add_argument("--requests", type=int, default=2_000, help="searches without reranker; a tenth with one")
    parser.add_argument("--rounds", type=int, default=3, help="times that each is measured, in turns")
    parser.add_argument("--record", action="store_true", help="write the table to RESULTS.md")
    options = parser.parse_args()
    rows, remarks = [], []
    for name, limit in LIMITS.items():
        reranks = name == "with reranker"
        served, direct = compare(options.index, reranks, options.requests // (10 if reranks else 1), options.rounds)
        rows.append([name, f"{direct * 1000:.2f}", f"{served * 1000:.2f}", f"{served / direct:.3f}", f"{limit:.2f}"])
        remarks.append(f"{name}: {'reached' if served <= limit * direct else 'missed'}")
        print(*rows[-1], sep="\t", flush=True)
    if options.record:
        record(Result(
            name="service-cpu", title=f"CPU of the server per request at {CLIENTS} clients",
            command="python -m benchmarks.service_cpu --record",
            header=("pipeline", "Pipeline.run, CPU ms", "server, CPU ms", "ratio", "asked"), rows=rows,
            remarks=f"{'; '.join(remarks)}. Both on {THREADS} threads; the reranker reads {RERANK['rerank_depth']}.",
        ))  # fmt: skip


def compare(index: Path, reranks: bool, count: int, rounds: int) -> tuple[float, float]:
    """Return the least CPU seconds per request of the server, and of `Pipeline.run` here."""
    config = PipelineConfig.model_validate(RERANK if reranks else {})
    toml = "".join(f"{name} = {value!r}\n" for name, value in RERANK.items()) if reranks else ""
    served, direct = [], []
    with (
        Engine.open(index, config) as engine,
        serving(index, f"[service]\nthreads = {THREADS}\n[pipeline]\n{toml}") as service,
    ):
        for number in range(rounds + 1):
            before = service.cpu_seconds()
            answers = closed_loop(service, CLIENTS, for_requests(count), search)
            there = (service.cpu_seconds() - before) / count
            if set(answers.statuses) != {200}:
                raise SystemExit(f"the service answered {set(answers.statuses)}")
            here = _direct(engine, count)
            if number:  # the first round warms both up
                served.append(there)
                direct.append(here)
    return min(served), min(direct)


def _direct(engine: Engine, count: int) -> float:
    """Search on threads of this process; gives CPU seconds per query."""
    with ThreadPoolExecutor(THREADS) as pool:
        before = time.process_time()
        list(pool.map(lambda n: engine.pipeline.run([Query("0", QUERIES[n % len(QUERIES)])]), range(count)))
        return (time.process_time() - before) / count


if __name__ == "__main__":
    main()
