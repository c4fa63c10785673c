"""The whole path in one go: index Python's own documentation, serve it, ask ten questions over HTTP.

Run by `make demo`. It keeps serving until it is interrupted; `--exit` stops it after the questions.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

QUESTIONS = (
    "How do I find out how much space is left on a disk?",
    "Which function gives me the most common elements of a list?",
    "I want to compare two text files and see what changed",
    "copy a whole directory tree to another place",
    "pick random elements from a population without repetition",
    "send an e-mail over an encrypted connection",
    "How can I measure how long a small piece of code takes to run?",
    "insert an item into a list so that it stays sorted",
    "What is the middle value of a set of numbers?",
    "Where do I get a list of the files that match a wildcard?",
)

RERANKED = 3
"""Questions that are asked a second time, with the reranker."""

READY = 180
"""Seconds to wait for the service, which exports the reranker when it is first asked for."""

CONFIG = Path(__file__).parent / "demo.toml"

console = Console()


def main() -> None:
    """Build, serve, ask; then wait for an interrupt."""
    options = _options()
    tamis = shutil.which("tamis", path=str(Path(sys.executable).parent)) or "tamis"
    subprocess.run([tamis, "index", "build", "pydocs", "--out", str(options.index)], check=True)
    log = options.index.parent / "demo-service.log"
    served = [tamis, "serve", str(options.index), "--port", str(options.port), "--config", str(CONFIG)]
    with log.open("w") as file:
        server = subprocess.Popen(served, stderr=file)
    address = f"http://127.0.0.1:{options.port}"
    try:
        _wait_until_ready(address, server, log)
        for question in QUESTIONS:
            _show(question, _post(f"{address}/v1/search", {"query": question, "k": 3}))
        console.print("\nThe same with the second stage, the pipeline [bold]reranked[/bold]:")
        for question in QUESTIONS[:RERANKED]:
            _show(question, _post(f"{address}/v1/search", {"query": question, "k": 3, "pipeline": "reranked"}))
        console.print(f"\nServing at [bold]{address}[/bold]. Ask it something:")
        body = json.dumps({"query": "read a file line by line", "k": 3})
        command = f"  curl {address}/v1/search -H 'content-type: application/json' -d '{body}'"
        console.print(Text(command), soft_wrap=True)
        if not options.exit:
            console.print("Press Ctrl-C to stop.")
            server.wait()
    except KeyboardInterrupt:
        console.print("stopping")
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(timeout=30)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--index", type=Path, default=Path("var/demo"), help="folder of the demo's index")
    parser.add_argument("--port", type=int, default=8080, help="port that the demo's service listens on")
    parser.add_argument("--exit", action="store_true", help="stop after the questions")
    return parser.parse_args()


def _wait_until_ready(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY
    while time.monotonic() < deadline:
        if server.poll() is not None:
            sys.exit(f"the service stopped with exit code {server.returncode}:\n{log.read_text()}")
        try:
            with urllib.request.urlopen(f"{address}/readyz", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    sys.exit(f"{address} was not ready after {READY} s")


def _post(url: str, body: dict[str, object]) -> dict[str, Any]:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as response:
        answer: dict[str, Any] = json.load(response)
    return answer


def _show(question: str, answer: dict[str, Any]) -> None:
    """Print the hits; behind each, rank and score by stage."""
    console.print()
    console.print(Text(question, style="bold"))
    for hit in answer["hits"]:
        stages = "  ".join(f"{name} {_cell(found)}" for name, found in hit["stages"].items())
        line = Text(f"  {hit['rank']}  ").append(f"{hit['docid']:<34} ", style="cyan").append(stages, style="dim")
        console.print(line, soft_wrap=True)
        first_line = hit["text"].strip().partition("\n")[0]
        console.print(Text(f"     {first_line[:100]}"), soft_wrap=True)


def _cell(found: dict[str, float] | None) -> str:
    return "missed it" if found is None else f"#{found['rank']} ({found['score']:.3g})"


if __name__ == "__main__":
    main()
