"""`tamis serve`: an index over HTTP."""

from __future__ import annotations

import os
from typing import Annotated, Literal

import typer

from tamis.config import load_config

from .options import ConfigFile, IndexPath
from .output import say


def serve(
    index: IndexPath,
    name: Annotated[str | None, typer.Option(help="Name of the index in URLs; else that of its folder.")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 takes a free one.", show_default="8080")] = None,
    config: ConfigFile = None,
    version: Annotated[str | None, typer.Option(help="A version; else the current one.")] = None,
    device: Annotated[Literal["cpu", "cuda", "auto"], typer.Option(help="Where queries are encoded.")] = "cpu",
    insecure: Annotated[bool, typer.Option("--insecure", help="Allow a public address without a key.")] = False,
) -> None:
    """Serve INDEX over HTTP until interrupted.

    Example: tamis serve pydocs --port 8080
    """
    settings = load_config(config, {"service.host": host, "service.port": port})
    from tamis.indexer.manifest import IndexManifest
    from tamis.indexer.versions import IndexFolder
    from tamis.service.indexes import check_name, index_name
    from tamis.service.keys import load_keys
    from tamis.service.serve import serve as serve_engines
    from tamis.service.source import Source

    keys = load_keys(settings.service.keys_file, os.environ)
    called = index_name(index) if name is None else check_name(name)
    IndexManifest.read(IndexFolder(index).version(version))  # a wrong path is an error at once, not after listening
    source = Source(
        index, settings.pipeline, settings.pipelines, device, version, most_waiting=settings.service.queue_tokens
    )
    serve_engines(
        {called: source.open},
        settings.service,
        lambda line: say(f"index {called!r}: {line}"),
        insecure,
        keys,
        {called: source},
    )
