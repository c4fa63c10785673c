"""MCP: indexes as tools of a language model (Model Context Protocol), over stdio or streamable HTTP. They only read."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from typing import Annotated, Any

from pydantic import Field

from tamis.errors import InvalidInput, NotFound, TamisError

from .extra import missing
from .mcp_answers import (
    Explained,
    Fetched,
    Indexes,
    SearchAnswer,
    explained,
    fetched,
    index_of,
    search_answer,
)
from .options import SearchOptions
from .searcher import Searcher

try:
    import mcp_types
    import uvicorn
    from mcp.server.mcpserver import MCPServer
    from mcp.server.mcpserver.exceptions import ToolError
except ModuleNotFoundError as error:
    raise missing("the package mcp", "mcp") from error

MAX_K = 50
"""Hits of one search."""

PATH = "/mcp"
"""Where streamable HTTP is served."""

READS = mcp_types.ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)

IndexName = Annotated[
    str | None, Field(description="name of an index, see list_indexes; may be left out where there is one")
]
PipelineName = Annotated[str | None, Field(description="name of a pipeline, see list_indexes; else the default one")]


def make_server(searchers: Mapping[str, Searcher]) -> MCPServer[Any]:
    """Make a server whose tools ask indexes; whoever opened them closes them.

    Args:
        searchers: what `tamis.open` gives, by the name that a model is told.
    """
    tools = _Tools(searchers)
    server: MCPServer[Any] = MCPServer(
        "tamis",
        version=version("tamis"),
        instructions=f"Search passages of {', '.join(searchers)}, then fetch those that matter. Cite passages by id.",
        log_level="WARNING",
    )
    for tool in (tools.search, tools.fetch, tools.explain, tools.list_indexes):
        server.add_tool(tool, annotations=READS, structured_output=True)
    return server


def serve_stdio(server: MCPServer[Any]) -> None:
    """Speak over standard input and output until the client closes them."""
    server.run("stdio")


def serve_http(server: MCPServer[Any], listener: socket.socket) -> None:
    """Serve streamable HTTP on a bound socket, until a signal ends it; no session is kept."""
    app = server.streamable_http_app(streamable_http_path=PATH, stateless_http=True, host="127.0.0.1")
    uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run(sockets=[listener])


@contextmanager
def _told() -> Iterator[None]:
    """Tell the model what was wrong and what mends it; the SDK tells nothing of errors that nobody foresaw."""
    try:
        yield
    except TamisError as error:
        raise ToolError(str(error)) from error


class _Tools:
    """The tools, as a model sees them: their docstrings are what it reads."""

    def __init__(self, searchers: Mapping[str, Searcher]) -> None:
        self._searchers = searchers

    async def search(
        self,
        query: Annotated[str, Field(description="what to look for, in natural language")],
        k: Annotated[int, Field(description="how many passages", ge=1, le=MAX_K)] = 10,
        index: IndexName = None,
        pipeline: PipelineName = None,
        exclude_ids: Annotated[
            list[str] | None, Field(description="passages or documents that you have already")
        ] = None,
        diversity: Annotated[
            float | None, Field(description="0 to 1: how much passages should differ from each other", ge=0, le=1)
        ] = None,
    ) -> SearchAnswer:
        """Find the passages that answer a question best. Long texts are cut: fetch an id to read on."""
        options: SearchOptions = {"pipeline": pipeline, "exclude_ids": exclude_ids or (), "diversity": diversity}
        with _told():
            name, searcher = self._named(index)
            return search_answer(name, await searcher.asearch(query, k, **options))

    async def fetch(
        self,
        id: Annotated[str, Field(description="id of a passage, as search gives it")],  # noqa: A002
        index: IndexName = None,
        start: Annotated[int, Field(description="character to begin at", ge=0)] = 0,
    ) -> Fetched:
        """Read a passage whole, or the part of a long one that begins at a character."""
        with _told():
            passage = (await self._named(index)[1].afetch([id]))[0]
            if start and start >= len(passage.text):
                raise InvalidInput(
                    f"passage {id!r} has {len(passage.text):,} characters, start must be less: {start:,}"
                )
            return fetched(passage, start)

    async def explain(
        self,
        query: Annotated[str, Field(description="the question")],
        id: Annotated[str, Field(description="id of a passage")],  # noqa: A002
        index: IndexName = None,
        pipeline: PipelineName = None,
    ) -> Explained:
        """Tell why a passage is where it is for a query, or which stage of the pipeline dropped it."""
        with _told():
            return explained(await self._named(index)[1].aexplain(query, id, pipeline))

    async def list_indexes(self) -> Indexes:
        """List the indexes that can be asked, with what they hold and their pipelines."""
        with _told():
            said = await asyncio.gather(*(asyncio.to_thread(one.describe) for one in self._searchers.values()))
        return Indexes(indexes=[index_of(name, one) for name, one in zip(self._searchers, said, strict=True)])

    def _named(self, name: str | None) -> tuple[str, Searcher]:
        if name is None and len(self._searchers) == 1:
            return next(iter(self._searchers.items()))
        if name is None:
            raise InvalidInput(f"there are several indexes: pass index, one of {', '.join(self._searchers)}")
        if name not in self._searchers:
            raise NotFound(f"there is no index {name[:64]!r}; there are: {', '.join(self._searchers)}")
        return name, self._searchers[name]
