"""Five times as many requests as the service can answer, for a minute: what it answers, refuses, and holds.

    python -m benchmarks.service_overload --index var/bench/pydocs-exact

Capacity is what 16 clients get that ask one after the other. Then 100 clients send requests at fixed times, which are
spread evenly over all of them: clients that send all at once measure their own burst instead. They are those of
`h2load` (Debian's package nghttp2-client), written in C: clients in Python need as much of the machine as the service.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from pathlib import Path

import orjson

from .harness import WORK, Result, percentile, record
from .serving import Answers, Service, search, serving

TIMES, REFUSED_MS, GOODPUT = 5, 50, 0.9
WARM_UP = 30
"""Seconds: the JVM compiles for so long, and a capacity measured meanwhile is too low."""
CLIENTS = 100
SETTLING = 90
"""Seconds of overload before the measured ones: queue, connections and the heap of the JVM fill once."""
FLAT_MIB = 10
SERVICE = "[service]\nqueue = 16\nlog_requests = false\n"
PIPELINES = {
    "reranked": "[pipeline]\nrerank = 'tamis-minilm-l6'\nrerank_depth = 20\n",
    "first stage": "",
    "blended": "[pipeline]\nblend = 'default'\n",
}
HEADER = (
    "pipeline", "capacity, answers/s", "sent/s", "goodput, answers/s", "goodput / capacity", "429, median ms",
    "429, 99 % ms", "neither 200 nor 429", f"memory, first {SETTLING} s, MiB", "memory, after them, MiB",
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
        reached &= found[3] >= GOODPUT and found[5] < REFUSED_MS and not found[6] and found[8] < FLAT_MIB
        rows.append([name, *(f"{value:.2f}" for value in found)])
        print(*(f"{head}: {cell}" for head, cell in zip(HEADER, rows[-1], strict=True)), sep="\n", flush=True)
    if options.record:
        record(Result(
            name="service-overload", title=f"{TIMES} times the load that it can bear, for {options.seconds:g} s",
            command="python -m benchmarks.service_overload --record", header=HEADER, rows=rows,
            remarks=f"Asked: goodput at least {GOODPUT:.0%} of capacity, all others 429 in under {REFUSED_MS} ms, "
            f"memory flat (less than {FLAT_MIB} MiB): {'reached' if reached else 'missed'}. "
            "The clients share the machine with the service.",
        ))  # fmt: skip


def _overload(service: Service, seconds: float) -> list[float]:
    """Give the figures of one pipeline, in the header's order."""
    _ask(service, 16, WARM_UP)
    before, took = _ask(service, 16, max(10.0, seconds / 2))
    capacity = len(before.took(200)) / took
    memory = [service.resident_mib()]
    _ask(service, CLIENTS, SETTLING, TIMES * capacity)
    memory.append(service.resident_mib())
    answers, took = _ask(service, CLIENTS, seconds, TIMES * capacity)
    memory.append(service.resident_mib())
    goodput = len(answers.took(200)) / took
    refused = [took * 1000 for took in answers.took(429)] or [0.0]
    others = len(answers.statuses) - len(answers.took(200)) - len(answers.took(429))
    return [
        capacity, len(answers.statuses) / took, goodput, goodput / capacity, percentile(refused, 0.5),
        percentile(refused, 0.99), float(others), memory[1] - memory[0], memory[2] - memory[1],
    ]  # fmt: skip


def _ask(service: Service, clients: int, seconds: float, rate: float = 0.0) -> tuple[Answers, float]:
    """Let clients search, `rate` requests a second in all; with 0, each the next as soon as it has an answer.

    Returns:
        What they got, and the seconds from the first request to the last answer.
    """
    with tempfile.TemporaryDirectory() as folder:
        body, log = Path(folder, "body.json"), Path(folder, "log.tsv")
        body.write_bytes(orjson.dumps(search(0)))
        if rate:  # one client more in each of as many steps as there are clients, the last one a period later
            step_ms = max(1, round(1_000 / rate))
            shape = ["-n", f"{rate * seconds:.0f}", "-r", "1", "--rate-period", f"{step_ms}ms"]
            shape += ["--rps", f"{rate / clients:.4f}"]
        else:
            shape = ["-D", f"{seconds:g}"]
        command = [
            "h2load", "--h1", "-t", "1", "-c", f"{clients}", *shape, "-d", f"{body}", "-H",
            "content-type: application/json", "--log-file", f"{log}", f"http://{service.netloc}/v1/search",
        ]  # fmt: skip
        try:
            subprocess.run(command, capture_output=True, text=True, check=True)
        except FileNotFoundError:
            raise SystemExit("this benchmark needs `h2load`: apt-get install nghttp2-client") from None
        rows = [[int(cell) for cell in line.split("\t")[:3]] for line in log.read_text().splitlines()]
    answers = Answers()
    for _, status, took_us in rows:
        answers.add(status, took_us / 1e6)
    return answers, (max(start + took for start, _, took in rows) - min(start for start, _, _ in rows)) / 1e6


if __name__ == "__main__":
    main()
