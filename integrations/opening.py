"""What `tamis.open` does: a folder becomes a Local, a URL a Remote."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tamis.errors import InvalidInput
from tamis.models.session import Device

from .searcher import Searcher

if TYPE_CHECKING:
    from tamis.rankers.config import PipelineConfig


def open_remote(
    url: str, index: str | None, api_key: str | None, timeout: float, misplaced: Mapping[str, object]
) -> Searcher:
    """Ask a service."""
    _refuse(misplaced, f"{url} is a service, which has its own pipelines and version; name one with pipeline=")
    from .remote import Remote

    return Remote(url, index, api_key, timeout)


def open_local(
    path: Path | str,
    config: PipelineConfig | None,
    version: str | None,
    device: Device,
    pipelines: Mapping[str, PipelineConfig] | None,
    misplaced: Mapping[str, object],
) -> Searcher:
    """Open a folder."""
    _refuse(misplaced, f"{path} is a folder; that argument is for a URL")
    from tamis.rankers.engine import Engine

    from .local import Local, local_name

    return Local(Engine.open(path, config, version, device, pipelines), local_name(path))


def _refuse(arguments: Mapping[str, object], reason: str) -> None:
    for name, value in arguments.items():
        if value is not None:
            raise InvalidInput(f"{name} does not apply: {reason}")
