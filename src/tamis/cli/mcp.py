"""`tamis mcp`: indexes as tools of a language model."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Annotated

import typer

from tamis.config import load_config

from .naming import is_url, named
from .options import ConfigFile
from .output import say


def mcp(
    indexes: Annotated[
        list[str],
        typer.Argument(metavar="INDEX...", help="Folders of indexes or URLs of services, each WHERE or NAME=WHERE."),
    ],
    http: Annotated[bool, typer.Option("--http", help="Serve streamable HTTP instead of stdin and stdout.")] = False,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1, for --http; 0 takes a free one.")] = 8081,
    config: ConfigFile = None,
) -> None:
    """Let a language model search each INDEX through the Model Context Protocol (MCP).

    Tools: search, fetch, explain, list_indexes. They only read, and their answers are of bounded size.

    Example, as a desktop client starts it: tamis mcp /data/pydocs

    Example, for several clients: tamis mcp pydocs news=http://127.0.0.1:8080 --http
    """
    settings = load_config(config, {})
    import tamis
    from tamis.integrations.mcp import PATH, make_server, serve_http, serve_stdio
    from tamis.service.address import address, bind

    searchers = {}
    with ExitStack() as stack:
        for name, where in named(indexes).items():
            if is_url(where):
                searchers[name] = stack.enter_context(tamis.open(where))
            else:
                searchers[name] = stack.enter_context(
                    tamis.open(where, settings.pipeline, pipelines=settings.pipelines)
                )
        server = make_server(searchers)
        if not http:
            say(f"{', '.join(searchers)}: reading requests from stdin")
            serve_stdio(server)
            return
        with bind("127.0.0.1", port) as listener:
            say(f"{', '.join(searchers)}: listening on {address(listener)}{PATH}")
            serve_http(server, listener)
