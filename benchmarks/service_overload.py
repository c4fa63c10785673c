"""Five times as many requests as the service can answer, for a minute: what it answers, refuses, and holds.

    python -m benchmarks.service_overload --index var/bench/pydocs-exact

Capacity is what 16 clients get that ask one after the other. Then requests are sent at fixed times, whether or not
others were answered (open loop), by clients in a process of their own threads.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from pathlib import Path

import orjson

from .harness import WORK, Result, percentile, record
from .serving import Answers, Service, closed_loop, for_seconds, search, serving

TIMES, REFUSED_MS, GOODPUT = 5, 50, 0.9
CONFIG = "[service]\nthreads = 4\nqueue = 16\nlog_requests = false\n[pipeline]\nrerank = 'tamis-minilm-l6'\n"
CONFIG += "rerank_depth = 20\n"


def main() -> None:
    """Measure, print, and record where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", type=Path, default=WORK / "pydocs-exact", help="folder of an index")
    parser.add_argument("--seconds", type=float, default=60, help="how long it is overloaded")
    parser.add_argument("--record", action="store_true", help="write the table to RESULTS.md")
    options = parser.parse_args()
    with serving(options.index, CONFIG) as service:
        closed_loop(service, 16, for_seconds(5), search)
        before = closed_loop(service, 16, for_seconds(max(10.0, options.seconds / 4)), search)
        capacity = len(before.took(200)) / max(10.0, options.seconds / 4)
        memory = service.resident_mib()
        answers = asyncio.run(_flood(service, TIMES * capacity, options.seconds))
        grown = service.resident_mib() - memory
    goodput = len(answers.took(200)) / options.seconds
    refused = [seconds * 1000 for seconds in answers.took(429)] or [0.0]
    others = len(answers.statuses) - len(answers.took(200)) - len(answers.took(429))
    figures = {
        "capacity, answers/s": capacity,
        "sent/s": len(answers.statuses) / options.seconds,
        "goodput, answers/s": goodput,
        "goodput / capacity": goodput / capacity,
        "429, median ms": percentile(refused, 0.5),
        "429, 99 % ms": percentile(refused, 0.99),
        "neither 200 nor 429": float(others),
        "memory grown, MiB": grown,
    }
    for name, value in figures.items():
        print(f"{name:<28}{value:10.2f}")
    if options.record:
        reached = goodput >= GOODPUT * capacity and percentile(refused, 0.99) < REFUSED_MS and not others
        record(Result(
            name="service-overload", title=f"{TIMES} times the load that it can bear, for {options.seconds:g} s",
            command="python -m benchmarks.service_overload --record", header=("figure", "value"),
            rows=[[name, f"{value:.2f}"] for name, value in figures.items()],
            remarks=f"Asked: goodput at least {GOODPUT:.0%} of capacity, all others 429 in under {REFUSED_MS} ms, "
            f"memory flat: {'reached' if reached else 'missed'}. The clients share the machine with the service.",
        ))  # fmt: skip


async def _flood(service: Service, rate: float, seconds: float) -> Answers:
    """Send requests at fixed times over connections that are kept where they are free."""
    answers, free, tasks = Answers(), [], set()
    host, port = service.netloc.split(":")
    begin, number = time.perf_counter(), 0
    while (now := time.perf_counter() - begin) < seconds:
        while number < now * rate:
            task = asyncio.create_task(_one(host, int(port), number, free, answers))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            number += 1
        await asyncio.sleep(0.002)
    await asyncio.gather(*tasks)
    return answers


async def _one(
    host: str, port: int, number: int, free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]], answers: Answers
) -> None:
    body = orjson.dumps(search(number))
    try:
        reader, writer = free.pop() if free else await asyncio.open_connection(host, port)
        start = time.perf_counter()
        head = (
            f"POST /v1/search HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        )
        writer.write(f"{head}\r\n\r\n".encode() + body)
        status = int((await reader.readline()).split()[1])
        took = time.perf_counter() - start
        length = 0
        while (line := await reader.readline()).strip():
            if line.lower().startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        await reader.readexactly(length)
        free.append((reader, writer))
        answers.add(status, took)
    except (OSError, IndexError, ValueError, asyncio.IncompleteReadError):
        answers.add(0, 0.0)


if __name__ == "__main__":
    main()
