"""What HTTP adds to a search: one client on loopback against `Pipeline.run` on the same index.

    python -m benchmarks.service --index pydocs

The service runs in a process of its own, as `tamis serve` starts it. Two figures must agree: the
difference of medians (round trip less `Pipeline.run` here), and the median of what each single
answer took beyond the `took_ms` that the service itself measured around `Pipeline.run`.
"""

from __future__ import annotations

import argparse
import http.client
import time
from collections.abc import Sequence
from pathlib import Path

import orjson

from tamis.rankers.engine import Engine
from tamis.rankers.ranking import Query

from .harness import WORK, Result, median, percentile, record
from .serving import QUERIES, serving

LIMIT_MS = 3.0


def main() -> None:
    """Measure, print, and record where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", type=Path, default=WORK / "pydocs-exact", help="folder of an index")
    parser.add_argument("--query", nargs="*", default=list(QUERIES), help="queries to ask in turns")
    parser.add_argument("--rounds", type=int, default=30, help="times that each query is asked")
    parser.add_argument("-k", type=int, default=10, help="hits to ask for")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--record", action="store_true", help="write the table to RESULTS.md")
    options = parser.parse_args()
    figures = measure(options.index, options.query, options.rounds, options.k)
    if options.json:
        print(orjson.dumps(figures, option=orjson.OPT_INDENT_2).decode())
    else:
        for name, value in figures.items():
            print(f"{name:<44}{value:8.3f}")
    if options.record:
        record(_result(figures, len(options.query) * options.rounds))


def measure(index: Path, queries: Sequence[str], rounds: int, k: int) -> dict[str, float]:
    """Ask each query in turns, here and over HTTP; gives milliseconds by figure."""
    direct, wall, added = [], [], []
    with Engine.open(index) as engine, serving(index) as service:
        connection = service.connect()
        for number in range(rounds + 3):
            for text in queries:
                start = time.perf_counter()
                engine.pipeline.run([Query("0", text)])
                here = (time.perf_counter() - start) * 1000
                there, took = _ask(connection, text, k)
                if number >= 3:  # the first rounds warm both up
                    direct.append(here)
                    wall.append(there)
                    added.append(there - took)
    return {
        "Pipeline.run here, median ms": median(direct),
        "POST /v1/search round trip, median ms": median(wall),
        "difference of medians, ms": median(wall) - median(direct),
        "added to each answer's took_ms, median ms": median(added),
        "added to each answer's took_ms, 95 % ms": percentile(added, 0.95),
    }


def _ask(connection: http.client.HTTPConnection, text: str, k: int) -> tuple[float, float]:
    """Search once; gives the round trip and what the service says `Pipeline.run` took, in ms."""
    body = orjson.dumps({"query": text, "k": k})
    start = time.perf_counter()
    connection.request("POST", "/v1/search", body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    content = response.read()
    wall = (time.perf_counter() - start) * 1000
    if response.status != 200:
        raise SystemExit(f"the service answered {response.status}: {content.decode()}")
    return wall, orjson.loads(content)["took_ms"]


def _result(figures: dict[str, float], asked: int) -> Result:
    added = figures["difference of medians, ms"]
    verdict = "reached" if added <= LIMIT_MS else f"missed by {added - LIMIT_MS:.1f} ms"
    return Result(
        name="service",
        title="What HTTP adds to a search",
        command="python -m benchmarks.service --record",
        header=("figure", "ms"),
        rows=[[name, f"{value:.2f}"] for name, value in figures.items()],
        remarks=f"Asked: at most {LIMIT_MS:g} ms added to `Pipeline.run`: {verdict}. One client, {asked} searches.",
    )


if __name__ == "__main__":
    main()
