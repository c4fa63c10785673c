"""Source: where an index is and how it is searched, so that another version of it can be opened later."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

import orjson

from tamis.errors import InvalidInput, TamisError
from tamis.models.session import Device
from tamis.rankers.config import PipelineConfig
from tamis.rankers.engine import Engine

from .canary import canary

TRIAL_SECONDS = 600


class TrialFailed(TamisError):
    """A version could not be opened, or answers nothing; what is served stays as it is."""


@dataclass(frozen=True, slots=True)
class Source:
    """One index on disk."""

    path: Path
    pipeline: PipelineConfig = field(default_factory=PipelineConfig)
    pipelines: Mapping[str, PipelineConfig] = field(default_factory=dict)
    device: Device = "cpu"
    version: str | None = None
    """The version to begin with; None: the current one."""
    most_waiting: int | None = None
    """Tokens that may wait to be read by a reranker; None: no bound."""

    def open(self, version: str | None = None) -> Engine:
        """Open a version; None: the one to begin with."""
        begin = version or self.version
        return Engine.open(self.path, self.pipeline, begin, self.device, self.pipelines, self.most_waiting, True)

    def try_out(self, version: str) -> None:
        """Open a version in a process of its own and ask it a question, so that a crash is nobody's here.

        Raises:
            TrialFailed: it crashed, took too long, or did not answer.
        """
        said = {
            "path": str(self.path),
            "version": version,
            "device": self.device,
            "pipeline": self.pipeline.model_dump(mode="json"),
            "pipelines": {name: config.model_dump(mode="json") for name, config in self.pipelines.items()},
        }
        command = [sys.executable, "-m", "tamis.service.source"]
        try:
            done = subprocess.run(
                command, input=orjson.dumps(said), capture_output=True, timeout=TRIAL_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise TrialFailed(f"version {version} was not open after {TRIAL_SECONDS} s") from None
        if done.returncode:
            last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or ["it said nothing"]
            raise TrialFailed(f"version {version} failed its trial (exit code {done.returncode}): {last[0][:500]}")


def _trial() -> None:
    """Do the trial that `try_out` started."""
    said = orjson.loads(sys.stdin.buffer.read())
    if said["device"] not in get_args(Device):
        raise InvalidInput(f"no device {said['device']!r}")
    pipelines = {name: PipelineConfig.model_validate(one) for name, one in said["pipelines"].items()}
    source = Source(Path(said["path"]), PipelineConfig.model_validate(said["pipeline"]), pipelines, said["device"])
    with source.open(said["version"]) as engine:
        if reason := canary(engine):
            sys.exit(reason)


if __name__ == "__main__":
    try:
        _trial()
    except TamisError as error:
        sys.exit(str(error))
