"""How long answers take under a budget of 100 ms while the reranker takes seconds.

python -m benchmarks.service_budget --index var/bench/pydocs-exact
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .harness import WORK, Result, percentile, record
from .serving import Answers, Service, closed_loop, for_requests, search, serving
from .slow_service import SECONDS

BUDGET_MS, LIMIT_MS = 100, 110
CONFIG = "[service]\nthreads = 4\n[pipeline]\nrerank = 'tamis-minilm-l6'\nrerank_depth = 20\n"


def main() -> None:
    """Measure, print, and record where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", type=Path, default=WORK / "pydocs-exact", help="folder of an index")
    parser.add_argument("--requests", type=int, default=500, help="searches for each number of clients")
    parser.add_argument("--record", action="store_true", help="write the table to RESULTS.md")
    options = parser.parse_args()
    rows, reached = [], True
    with serving(options.index, CONFIG, [sys.executable, "-m", "benchmarks.slow_service"]) as service:
        _ask(service, 2, 30)  # warms it up
        for clients in (1, 2):
            answers = _ask(service, clients, options.requests)
            ms = [seconds * 1000 for seconds in answers.seconds]
            failed = sum(status >= 500 or status == 0 for status in answers.statuses)
            p99 = percentile(ms, 0.99)
            reached &= p99 <= LIMIT_MS and not failed
            rows.append([f"{clients}", f"{percentile(ms, 0.5):.1f}", f"{p99:.1f}", f"{max(ms):.1f}", f"{failed}"])
            print(*rows[-1], sep="\t", flush=True)
    if options.record:
        record(Result(
            name="service-budget", title=f"A budget of {BUDGET_MS} ms while the reranker takes {SECONDS:g} s",
            command="python -m benchmarks.service_budget --record",
            header=("clients", "median ms", "99 % ms", "longest ms", "5xx"), rows=rows,
            remarks=f"Asked: 99 % within {LIMIT_MS} ms and no 5xx: {'reached' if reached else 'missed'}. "
            f"{options.requests} searches for each number of clients.",
        ))  # fmt: skip


def _ask(service: Service, clients: int, count: int) -> Answers:
    return closed_loop(service, clients, for_requests(count), lambda n: {**search(n), "budget_ms": BUDGET_MS})


if __name__ == "__main__":
    main()
