"""`tamis serve`: an index over HTTP."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from tamis.config import load_config

from .naming import named
from .options import ConfigFile
from .output import say


def serve(
    indexes: Annotated[
        list[str], typer.Argument(metavar="INDEX...", help="Folders of indexes, each FOLDER or NAME=FOLDER.")
    ],
    name: Annotated[str | None, typer.Option(help="Name of the only index in URLs; else its folder's.")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 takes a free one.", show_default="8080")] = None,
    config: ConfigFile = None,
    version: Annotated[str | None, typer.Option(help="A version; else the current one.")] = None,
    device: Annotated[Literal["cpu", "cuda", "auto"], typer.Option(help="Where queries are encoded.")] = "cpu",
    insecure: Annotated[bool, typer.Option("--insecure", help="Allow a public address without a key.")] = False,
) -> None:
    """Serve each INDEX over HTTP until interrupted.

    Example: tamis serve pydocs news=/data/news-2026 --port 8080
    """
    settings = load_config(config, {"service.host": host, "service.port": port})
    from tamis.indexer.manifest import IndexManifest
    from tamis.indexer.versions import IndexFolder
    from tamis.service.keys import load_keys
    from tamis.service.serve import serve as serve_engines
    from tamis.service.source import Source

    keys = load_keys(settings.service.keys_file, os.environ)
    sources = {}
    for called, where in named(indexes, name).items():
        folder = Path(where)
        IndexManifest.read(IndexFolder(folder).version(version))  # a wrong path is an error at once
        sources[called] = Source(
            folder, settings.pipeline, settings.pipelines, device, version, most_waiting=settings.service.queue_tokens
        )
    served = ", ".join(repr(called) for called in sources)
    serve_engines(
        {called: source.open for called, source in sources.items()},
        settings.service,
        lambda line: say(f"{'index' if len(sources) == 1 else 'indexes'} {served}: {line}"),
        insecure,
        keys,
        sources,
    )
