"""`tamis serve`: an index over HTTP."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from tamis.config import load_config
from tamis.errors import InvalidInput

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
    for called, folder in _named(indexes, name).items():
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


def _named(indexes: list[str], name: str | None) -> dict[str, Path]:
    """Settle under which name each folder is served."""
    from tamis.service.indexes import check_name, index_name

    if name is not None and len(indexes) != 1:
        raise InvalidInput(f"--name names one index, and {len(indexes)} are given; write NAME=FOLDER for each")
    found: dict[str, Path] = {}
    for given in indexes:
        before, equals, after = given.partition("=")
        folder = Path(after if equals and not Path(given).exists() else given)
        called = check_name(name or before) if name or folder != Path(given) else index_name(folder)
        if called in found:
            raise InvalidInput(f"two indexes would be called {called!r}: write NAME=FOLDER for one of them")
        found[called] = folder
    return found
