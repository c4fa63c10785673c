"""`tamis serve` as a process: starts, says where, answers, and stops cleanly at a signal."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest


@contextmanager
def started(command: list[str], *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the command until its first line; gives process and base URL."""
    process = subprocess.Popen([*command, *options], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stderr is not None and process.stdout is not None
    try:
        line = process.stderr.readline()
        found = re.search(r"listening on (http://\S+)", line)
        assert found, line + process.stderr.read()
        yield process, found[1]
    finally:
        process.kill()
        process.wait(10)
        process.stderr.close()
        process.stdout.close()


def wait_until_ready(url: str) -> None:
    deadline = time.monotonic() + 60
    while httpx.get(f"{url}/readyz").status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_a_signal(tamis: list[str], number: signal.Signals) -> None:
    """Name from the folder, a real port, results nowhere on stdout, exit code 0 within seconds."""
    with started(tamis) as (process, url):
        wait_until_ready(url)
        response = httpx.post(f"{url}/v1/search", json={"query": "copy a directory tree", "k": 2})
        assert response.status_code == 200
        assert response.json()["index"]["name"] == "tiny"
        assert response.json()["hits"][0]["docid"] == "shutil.copytree"
        with httpx.Client(base_url=url) as idle:  # a kept connection must not hold the shutdown up
            idle.get("/livez")
            begin = time.monotonic()
            process.send_signal(number)
            assert process.wait(10) == 0
            assert time.monotonic() - begin < 5
        assert process.stdout is not None and process.stdout.read() == ""
        assert process.stderr is not None and "Traceback" not in process.stderr.read()


def test_it_serves_on_while_nobody_reads_its_log(tamis: list[str]) -> None:
    """A pipe holds 64 KiB, some 300 lines; at the end a signal still ends it."""
    with started(tamis) as (process, url), httpx.Client(base_url=url, timeout=5) as client:
        for _ in range(1_500):
            assert client.get("/livez").status_code == 200
        process.terminate()
        assert process.wait(15) == 0


def test_name_and_environment(tamis: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAMIS__SERVICE__MAX_K", "3")
    with started(tamis, "--name", "docs.v1") as (_, url):
        wait_until_ready(url)
        assert httpx.get(f"{url}/v1/indexes").json()["indexes"][0]["name"] == "docs.v1"
        assert httpx.get(f"{url}/v1/docs.v1/search", params={"query": "x", "hits": 3}).status_code == 200
        assert httpx.get(f"{url}/v1/docs.v1/search", params={"query": "x", "hits": 4}).status_code == 400


SLOW = """
import time
from tamis.service.config import ServiceConfig
from tamis.service.serve import serve
serve({"slow": lambda: time.sleep(60)}, ServiceConfig(port=0), lambda line: print(line, file=__import__("sys").stderr))
"""


def test_a_signal_does_not_wait_for_an_index_that_opens_slowly() -> None:
    with started([sys.executable, "-c", SLOW]) as (process, url):
        response = httpx.get(f"{url}/readyz")
        assert (response.status_code, response.json()["reasons"]) == (503, ["slow: being opened"])
        process.terminate()
        assert process.wait(5) == 0


def refused(command: list[str], *options: str) -> tuple[int, str]:
    """Run a command that must stop by itself; gives exit code and message."""
    done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=60)
    assert done.stdout == "" and "Traceback" not in done.stderr
    return done.returncode, done.stderr


def test_no_index_there(tamis: list[str], tmp_path: Path) -> None:
    command = [str(tmp_path / "nothing") if part == tamis[-3] else part for part in tamis]
    code, message = refused(command)
    assert code == 4 and "nothing" in message and "tamis index build" in message


def test_no_such_version(tamis: list[str]) -> None:
    code, message = refused(tamis, "--version", "2020")
    assert code == 4 and "no version '2020'" in message


def test_a_public_address_is_refused(tamis: list[str]) -> None:
    code, message = refused(tamis, "--host", "0.0.0.0")
    assert code == 5 and "--insecure" in message


def test_a_name_that_cannot_be_registered_is_refused(tamis: list[str]) -> None:
    code, message = refused(tamis, "--name", "../x")
    assert code == 5 and "cannot name an index" in message


def test_a_damaged_index_is_refused_with_the_file(tamis: list[str], tiny_index: Path, tmp_path: Path) -> None:
    """Its manifest is whole, so that the server listens already when the damage is found; it stops."""
    copy = tmp_path / "tiny"
    shutil.copytree(tiny_index, copy, symlinks=True)
    file = next(copy.glob("versions/*/passages.arrow"))
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    code, message = refused([str(copy) if part == str(tiny_index) else part for part in tamis])
    assert code == 5 and "passages.arrow" in message and "sha256" in message
