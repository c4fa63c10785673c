"""`tamis doctor`: is this machine, and are these indexes, fit to serve?"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.text import Text

from tamis.config import load_config

from .options import AsJson, ConfigFile
from .output import print_json, stdout

COLOURS = {"ok": "green", "warning": "yellow", "failed": "bold red"}
UNFIT = 3
"""Exit code where a check failed: a prerequisite is missing."""


def doctor(
    indexes: Annotated[list[Path] | None, typer.Argument(metavar="[INDEX]...", help="Folders of indexes.")] = None,
    config: ConfigFile = None,
    device: Annotated[Literal["cpu", "cuda", "auto"], typer.Option(help="Where queries are to be encoded.")] = "cpu",
    as_json: AsJson = False,
) -> None:
    """Check Java, ONNX Runtime, threads and memory, and of each INDEX files, disk and a question; print what mends it.

    Example: tamis doctor pydocs
    """
    settings = load_config(config)
    from tamis.service.doctor import examine
    from tamis.service.source import Source

    sources = [Source(path, settings.pipeline, settings.pipelines, device) for path in indexes or []]
    findings = []
    for finding in examine(sources, settings.service):
        findings.append(finding)
        if not as_json:
            line = Text(f"{finding.state:<8}", style=COLOURS[finding.state]).append(f"{finding.check}: ", style="bold")
            stdout.print(line.append(finding.found, style="default"), soft_wrap=True)
            if finding.fix:
                stdout.print(Text(f"        {finding.fix}"), soft_wrap=True)
    if as_json:
        print_json([asdict(finding) for finding in findings])
    if any(finding.state == "failed" for finding in findings):
        raise typer.Exit(UNFIT)
