"""Peers in environments of their own, so that each runs with the versions that its users have.

A peer's environment is made on first use under var/peers (TAMIS_PEERS); on a machine without a GPU set
TORCH_INDEX=https://download.pytorch.org/whl/cpu, as for `make setup`, or pip brings torch with CUDA (gigabytes). Its
worker script reads requests as lines of JSON and answers each with a line: see peers/serving.py. Removing the folder
makes pip start anew.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import venv
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from filelock import FileLock

from .harness import Timed

SCRIPTS = Path(__file__).resolve().parent / "peers"
READY = "ready"
"""File in an environment that is complete: the digest of what it was made from."""

_TAIL = 30
"""Lines of a crashed worker's standard error that are shown."""


class PeerFailed(Exception):
    """A peer could not be installed, or its worker refused or died."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Another system: its name, its pinned requirements, and the script that runs it."""

    name: str
    requirements: Path
    script: Path

    @staticmethod
    def of(name: str, script: str) -> Peer:
        """Name a peer whose requirements and script are in peers/."""
        return Peer(name, SCRIPTS / f"{name}.txt", SCRIPTS / script)

    @property
    def folder(self) -> Path:
        """Where its environment is kept."""
        known = os.environ.get("TAMIS_PEERS", Path(__file__).resolve().parents[1] / "var" / "peers")
        return Path(known) / self.name

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    def install(self) -> None:
        """Make the environment, unless it is there and was made from the same requirements.

        Raises:
            PeerFailed: pip could not install them.
        """
        folder = self.folder
        index = os.environ.get("TORCH_INDEX", "")
        made_from = f"{sys.version}\n{index}\n".encode() + self.requirements.read_bytes()
        digest = sha256(made_from).hexdigest()
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_name(f"{self.name}.lock")):
            ready = folder / READY
            if ready.is_file() and ready.read_text() == digest:
                return
            print(f"installing {self.name} into {folder}", file=sys.stderr, flush=True)
            venv.create(folder, clear=True, with_pip=True)
            if re.search(r"^torch==", self.requirements.read_text(), re.MULTILINE):
                # first and alone, so that its index serves nothing else
                self._pip("--constraint", str(self.requirements), *(["--index-url", index] if index else []), "torch")
            self._pip("--requirement", str(self.requirements))
            ready.write_text(digest)

    def _pip(self, *arguments: str) -> None:
        command = [str(self.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise PeerFailed(f"{self.name}: `{' '.join(command)}` failed:\n{_tail(done.stderr)}")

    def start(self, threads: int) -> Worker:
        """Install where needed, and start the worker.

        Args:
            threads: for whatever computes in it.
        """
        self.install()
        return Worker(self, threads)


@dataclass(slots=True)
class Worker:
    """A peer's running process: `ask` it, and close it, or use it in a `with`."""

    peer: Peer
    threads: int
    _process: subprocess.Popen[str] = field(init=False)
    _log: IO[str] = field(init=False)

    def __post_init__(self) -> None:
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115  closed with the worker
        self._process = subprocess.Popen(
            [str(self.peer.python), str(self.peer.script)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True, env=_environment(self.threads),
        )  # fmt: skip

    def ask(self, do: str, **values: object) -> dict[str, Any]:
        """Send a request and wait for its answer.

        Args:
            do: name of what the worker is to do.
            values: its arguments, as JSON takes them.

        Raises:
            PeerFailed: the worker raised, died, or wrote something else than an answer.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None or stdin.closed:
            raise PeerFailed(f"{self.peer.name}: its worker was closed; start another")
        with suppress(BrokenPipeError):  # it died: the empty answer tells
            stdin.write(json.dumps({"do": do, **values}) + "\n")
            stdin.flush()
        line = stdout.readline()
        if not line.endswith("\n"):
            code = self._process.wait()
            raise PeerFailed(f"{self.peer.name}: its worker ended with {code} when asked to {do}:\n{self._errors()}")
        try:
            answer: dict[str, Any] = json.loads(line)
        except json.JSONDecodeError:
            raise PeerFailed(f"{self.peer.name}: its worker answered {line[:200]!r}, which is no JSON") from None
        if "error" in answer:
            raise PeerFailed(f"{self.peer.name} failed when asked to {do}:\n{answer['error']}")
        return answer

    def time(self, do: str, **values: object) -> Timed:
        """Ask, and give what the worker measured around its own work: `alternate` counts that."""
        answer = self.ask(do, **values)
        return Timed(answer["seconds"], answer["cpu_seconds"], answer["value"])

    def close(self) -> None:
        """End the worker: its standard input ends, and so does it."""
        if self._process.stdin:
            with suppress(BrokenPipeError):
                self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()
        self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _errors(self) -> str:
        self._log.seek(0)
        return _tail(self._log.read())


def _environment(threads: int) -> dict[str, str]:
    """Pass this process' variables on, but for those of its Python, with the same threads for every library."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    numbers = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")
    return {**kept, **dict.fromkeys(numbers, str(threads)), "HF_HUB_OFFLINE": "1"}


def _tail(text: str) -> str:
    return "\n".join(text.splitlines()[-_TAIL:])
