"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

IndexPath = Annotated[Path, typer.Argument(metavar="INDEX", help="Folder of the index.")]
ConfigFile = Annotated[
    Path | None,
    typer.Option(help="TOML file; flags and environment variables (TAMIS__SECTION__KEY) win over it."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Write the result as JSON, for programs.")]
