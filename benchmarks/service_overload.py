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
SERVICE = "[service]\nthreads = 4\nqueue = 16\nlog_requests = false\n"
PIPELINES = {"reranked": "[pipeline]\nrerank = 'tamis-minilm-l6'\nrerank_depth = 20\n", "first stage": ""}
HEADER = (
    "pipeline", "capacity, answers/s", "sent/s", "goodput, answers/s", "goodput / capacity", "429, median ms",
    "429, 99 % ms", "neither 200 nor 429", "memory grown, MiB",
)  # fmt: skip


def main() -> None:
    """Measure, print, and record where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", type=Path, default=WORK / "pydocs-exact", help="folder of an index")
    parser.add_argument("--seconds", type=float, default=60, help="how long it is overloaded")
    parser.add_argument("--record", action="store_true", help="write the table to RESULTS.md")
    options = parser.parse_args()
    rows, reached = [], True
    for name, pipeline in PIPELINES.items():
        with serving(options.index, SERVICE + pipeline) as service:
            found = _overload(service, options.seconds)
        reached &= found[3] >= GOODPUT and found[5] < REFUSED_MS and not found[6]
        rows.append([name, *(f"{value:.2f}" for value in found)])
        print(*(f"{head}: {cell}" for head, cell in zip(HEADER, rows[-1], strict=True)), sep="\n", flush=True)
    if options.record:
        record(Result(
            name="service-overload", title=f"{TIMES} times the load that it can bear, for {options.seconds:g} s",
            command="python -m benchmarks.service_overload --record", header=HEADER, rows=rows,
            remarks=f"Asked: goodput at least {GOODPUT:.0%} of capacity, all others 429 in under {REFUSED_MS} ms, "
            f"memory flat: {'reached' if reached else 'missed'}. The clients share the machine with the service.",
        ))  # fmt: skip


def _overload(service: Service, seconds: float) -> list[float]:
    """Give the figures of one pipeline, in the header's order."""
    closed_loop(service, 16, for_seconds(5), search)
    start = time.perf_counter()
    before = closed_loop(service, 16, for_seconds(max(10.0, seconds / 2)), search)
    capacity = len(before.took(200)) / (time.perf_counter() - start)
    memory = service.resident_mib()
    start = time.perf_counter()
    answers = asyncio.run(_flood(service, TIMES * capacity, seconds))
    goodput = len(answers.took(200)) / (time.perf_counter() - start)  # until the last one was answered
    refused = [took * 1000 for took in answers.took(429)] or [0.0]
    others = len(answers.statuses) - len(answers.took(200)) - len(answers.took(429))
    return [
        capacity, len(answers.statuses) / seconds, goodput, goodput / capacity, percentile(refused, 0.5),
        percentile(refused, 0.99), float(others), service.resident_mib() - memory,
    ]  # fmt: skip


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
