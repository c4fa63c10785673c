"""What the benchmarks of the service share: a service in a process of its own, its CPU and memory, and clients."""

from __future__ import annotations

import http.client
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import orjson

TICKS = os.sysconf("SC_CLK_TCK")
QUERIES = (
    "how do I sort a list of dictionaries by a key",
    "read a csv file with a header",
    "copy a whole directory tree to another place",
    "wait for several coroutines to finish",
    "pick random elements without repetition",
    "turn a string into a date",
    "compress a file with gzip",
    "run a command and capture what it prints",
    "find all files whose name matches a pattern",
    "average and standard deviation of some numbers",
)


@dataclass(frozen=True, slots=True)
class Service:
    """A running service."""

    netloc: str
    pid: int

    def connect(self, timeout: float = 120) -> http.client.HTTPConnection:
        """Open a connection, which is kept alive."""
        return http.client.HTTPConnection(self.netloc, timeout=timeout)

    def cpu_seconds(self) -> float:
        """Return what all its threads have used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def resident_mib(self) -> float:
        """Return its resident memory."""
        text = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+)", text)
        return int(found[1]) / 1024 if found else 0.0


@contextmanager
def serving(index: Path, config: str = "", command: Sequence[str] = (), key: str = "") -> Iterator[Service]:
    """Start the service on a free port, wait until it is ready, and stop it afterwards.

    Args:
        index: folder of an index.
        config: TOML.
        command: another command that prints its address on stderr; none: `tamis serve`.
        key: of the administrator; empty: no keys.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(config)
        file.flush()
        run = [*(command or [sys.executable, "-m", "tamis.cli", "serve"]), str(index), "--port", "0"]
        environment = {**os.environ, **({"TAMIS_ADMIN_KEY": key} if key else {})}
        with subprocess.Popen([*run, "--config", file.name], stderr=subprocess.PIPE, env=environment) as process:
            assert process.stderr is not None
            line = process.stderr.readline().decode()
            found = re.search(r"http://\S+", line)
            if not found:
                raise SystemExit(f"the service did not start: {line}{process.stderr.read().decode()}")
            drain = subprocess.Popen(["cat"], stdin=process.stderr, stdout=subprocess.DEVNULL)  # its log
            service = Service(urlsplit(found[0]).netloc, process.pid)
            try:
                _wait(service)
                yield service
            finally:
                process.terminate()
                process.wait(30)
                drain.wait(30)


def _wait(service: Service) -> None:
    connection = service.connect()
    while True:
        connection.request("GET", "/readyz")
        response = connection.getresponse()
        response.read()
        if response.status == 200:
            return
        time.sleep(0.05)


@dataclass(slots=True)
class Answers:
    """What clients got: status, seconds and, where asked for, the body."""

    statuses: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, status: int, seconds: float, body: bytes | None = None) -> None:
        """Note one answer; from any thread."""
        with self.lock:
            self.statuses.append(status)
            self.seconds.append(seconds)
            if body is not None:
                self.bodies.append(body)

    def took(self, status: int) -> list[float]:
        """Return the seconds of the answers of one status."""
        return [seconds for found, seconds in zip(self.statuses, self.seconds, strict=True) if found == status]


def post(connection: http.client.HTTPConnection, path: str, body: object, key: str = "") -> tuple[int, float, bytes]:
    """Ask once; gives status, seconds and body. A connection that was cut counts as status 0."""
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
    start = time.perf_counter()
    try:
        connection.request("POST", path, orjson.dumps(body), headers)
        response = connection.getresponse()
        content = response.read()
        return response.status, time.perf_counter() - start, content
    except (OSError, http.client.HTTPException):
        connection.close()
        return 0, time.perf_counter() - start, b""


def closed_loop(
    service: Service, clients: int, until: Callable[[int], bool], body: Callable[[int], object], *, key: str = "",
    keep: bool = False, path: str = "/v1/search",
) -> Answers:  # fmt: skip
    """Let clients ask one after the other.

    Args:
        service: whom to ask.
        clients: how many ask side by side.
        until: given the number of a request, whether it is not to be asked any more.
        body: makes the body of a request by its number.
        key: API key.
        keep: the bodies of the answers too.
        path: of the route.
    """
    answers, numbers, lock = Answers(), iter(range(10**9)), threading.Lock()

    def work() -> None:
        connection = service.connect()
        while True:
            with lock:
                number = next(numbers)
            if until(number):
                return
            status, seconds, content = post(connection, path, body(number), key)
            answers.add(status, seconds, content if keep else None)

    threads = [threading.Thread(target=work) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def search(number: int) -> dict[str, object]:
    """Make the body of a search."""
    return {"query": QUERIES[number % len(QUERIES)], "k": 10}


def for_seconds(seconds: float) -> Callable[[int], bool]:
    """Ask for so long, from now on."""
    end = time.perf_counter() + seconds
    return lambda _: time.perf_counter() > end


def for_requests(count: int) -> Callable[[int], bool]:
    """Ask so many times."""
    return lambda number: number >= count
