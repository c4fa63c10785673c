"""The MCP server, asked by the protocol's own client: over stdio from a process of its own, and over HTTP."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mcp_types
import pytest
from mcp import Client, StdioServerParameters

import tamis
from tamis.integrations.mcp import MAX_K, make_server
from tamis.integrations.mcp_answers import ANSWER_CHARS, HIT_CHARS
from tamis.integrations.searcher import Searcher

QUERY = "copy a directory tree"
LONG = "".join(f"word{number} " for number in range(20_000))


def call(server: Any, tool: str, arguments: dict[str, Any]) -> mcp_types.CallToolResult:
    """Connect, call one tool, and leave."""

    async def ask() -> mcp_types.CallToolResult:
        async with Client(server) as client:
            found = await client.call_tool(tool, arguments)
            assert isinstance(found, mcp_types.CallToolResult)
            return found

    return asyncio.run(ask())


def answer(server: Any, tool: str, **arguments: Any) -> dict[str, Any]:
    found = call(server, tool, arguments)
    assert not found.is_error and isinstance(found.structured_content, dict), found
    return found.structured_content


def refusal(server: Any, tool: str, **arguments: Any) -> str:
    found = call(server, tool, arguments)
    assert found.is_error and isinstance(found.content[0], mcp_types.TextContent)
    return found.content[0].text


@pytest.fixture(scope="module")
def long_index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Searcher]:
    """Twenty passages with more text, and one with more metadata, than an answer holds."""
    path = tmp_path_factory.mktemp("long") / "long"
    passages = [{"id": f"p{number}", "text": f"llama {number} {LONG}"} for number in range(20)]
    tamis.build([*passages, {"id": "meta", "text": "alpaca", "metadata": {"notes": "x" * 10_000}}], path)
    with tamis.open(path) as searcher:
        yield searcher


def test_over_stdio_a_client_finds_and_fetches(tiny_index: Path, remote: Searcher, url: str) -> None:
    """Two indexes, one of them behind a service; nothing but the protocol comes out of stdout."""
    command = ["-m", "tamis.cli", "mcp", str(tiny_index), f"far={url}"]

    async def ask() -> None:
        server = StdioServerParameters(command=sys.executable, args=command, env=dict(os.environ))
        async with Client(server) as client:
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            assert set(tools) == {"search", "fetch", "explain", "list_indexes"}
            for tool in tools.values():
                assert tool.annotations is not None and tool.annotations.read_only_hint
                assert tool.description and tool.output_schema
            listed = (await client.call_tool("list_indexes", {})).structured_content
            assert listed is not None and [one["name"] for one in listed["indexes"]] == ["tiny", "far"]
            assert listed["indexes"][0]["passages"] == listed["indexes"][1]["passages"] > 100
            assert listed["indexes"][1]["pipelines"] == ["default", "read"]
            for name in ("tiny", "far"):
                found = (await client.call_tool("search", {"query": QUERY, "k": 3, "index": name})).structured_content
                assert found is not None and found["index"] == name
                expected = remote.search(QUERY, 3).hits
                assert [(hit["id"], hit["score"]) for hit in found["hits"]] == [(hit.id, hit.score) for hit in expected]
                assert found["hits"][0]["id"] == "shutil.copytree"

    asyncio.run(ask())


def test_over_http_a_client_finds(tiny_index: Path) -> None:
    command = [sys.executable, "-m", "tamis.cli", "mcp", str(tiny_index), "--http", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            line = process.stderr.readline()
            found = re.search(r"http://127\.0\.0\.1:\d+/mcp", line)
            assert found, line + process.stderr.read()
            assert answer(found[0], "search", query=QUERY, k=1)["hits"][0]["id"] == "shutil.copytree"
        finally:
            process.terminate()
            assert process.wait(20) in (0, -15)


def test_answers_are_those_of_the_searcher(searcher: Searcher) -> None:
    server = make_server({"tiny": searcher})
    found = answer(server, "search", query=QUERY, k=5, exclude_ids=["shutil.copytree"], pipeline="read")
    expected = searcher.search(QUERY, 5, exclude_ids=["shutil.copytree"], pipeline="read").hits
    assert [(hit["id"], hit["score"], hit["rank"]) for hit in found["hits"]] == [
        (hit.id, hit.score, hit.rank) for hit in expected
    ]
    assert found["hits"][0]["stages"] == {
        name: None if said is None else said.rank for name, said in expected[0].stages.items()
    }
    assert list(found["hits"][0]["stages"]) == ["sparse", "dense", "fused", "rerank"]
    passage = searcher.fetch(["shutil.copytree"])[0]
    read = answer(server, "fetch", id="shutil.copytree")
    assert (read["text"], read["title"], read["next_start"]) == (passage.text, passage.title, None)
    said = answer(server, "explain", query=QUERY, id="shutil.copytree")
    one = searcher.explain(QUERY, "shutil.copytree")
    assert (said["rank"], said["score"]) == (one.rank, one.score)
    assert said["said"].endswith(f"it is at rank {one.rank} in the end.")


def test_answers_are_of_bounded_size(long_index: Searcher) -> None:
    """What is cut can be read on, piece by piece, and is the whole in the end."""
    server = make_server({"long": long_index})
    found = answer(server, "search", query="llama", k=MAX_K)
    texts = [hit["text"] for hit in found["hits"] if hit["id"] != "meta"]
    assert len(texts) == 20 and all(hit["cut"] for hit in found["hits"] if hit["id"] != "meta")
    assert {len(text) for text in texts} == {ANSWER_CHARS // 21}
    assert found["notes"] == ["the texts of 20 hits are cut; `fetch` gives a passage whole"]
    meta = next(hit for hit in found["hits"] if hit["id"] == "meta")["metadata"]
    assert list(meta) == ["left_out"] and "notes" in meta["left_out"] and len(meta["left_out"]) < HIT_CHARS
    few = answer(server, "search", query="llama", k=3)["hits"]
    assert {len(hit["text"]) for hit in few} == {HIT_CHARS}
    parts, start = [], 0
    while start is not None:
        piece = answer(server, "fetch", id="p7", start=start)
        assert len(piece["text"]) <= ANSWER_CHARS
        parts.append(piece["text"])
        start = piece["next_start"]
    assert "".join(parts) == f"llama 7 {LONG}" and len(parts) > 5


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("search", {"query": "  "}, "must be a text that is not empty"),
        ("search", {"query": "x", "k": MAX_K + 1}, "less than or equal to 50"),
        ("search", {"query": "x", "k": 0}, "greater than or equal to 1"),
        ("search", {"query": "x", "diversity": 2}, "less than or equal to 1"),
        ("search", {"query": "x", "index": "../etc"}, "there is no index '../etc'; there are: tiny"),
        ("search", {"query": "x", "pipeline": "reed"}, "did you mean 'read'?"),
        ("search", {}, "query"),
        ("fetch", {"id": "nobody"}, "no passage with id 'nobody'"),
        ("fetch", {"id": "shutil.copytree", "start": 10**9}, "characters, start must be less: 1,000,000,000"),
        ("explain", {"query": "x", "id": "nobody"}, "no passage with id 'nobody'"),
        ("delete", {}, "Unknown tool"),
    ],
)
def test_what_is_wrong_is_told(local: Searcher, tool: str, arguments: dict[str, Any], said: str) -> None:
    assert said in refusal(make_server({"tiny": local}), tool, **arguments)


def test_one_of_several_indexes_has_to_be_named(local: Searcher, long_index: Searcher) -> None:
    server = make_server({"tiny": local, "long": long_index})
    assert "pass index, one of tiny, long" in refusal(server, "search", query="x")


def test_a_wrong_path_is_an_error_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tamis.cli", "mcp", str(tmp_path / "nothing")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    assert done.returncode == 4 and "tamis index build" in done.stderr and done.stdout == ""
