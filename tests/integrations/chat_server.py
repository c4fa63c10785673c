"""A server that speaks OpenAI's chat completions, whose answers and faults are chosen by the model's name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from openai.types.chat import ChatCompletion
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from pydantic import TypeAdapter, ValidationError

KEY = "key-of-a-test"

SAYS: dict[str, list[str | None]] = {
    "passage": ["Call shutil.copytree(src, dst):\nit copies a directory tree  recursively."],
    "two passages": ["shutil.copytree copies a tree.", "os.walk visits each folder."],
    "question": ["What are the high-level file operations of shutil?"],
    "list": ["Here are your queries:\n1. shutil copytree\n2) \"recursive directory copy\"\n- copy files\n\n"
             "* HOW DO I COPY\n• duplicate folders with contents\n3. Shutil copytree\n4. one too many"],
    "thinks": ["<think>\nThe user wants\nqueries.\n</think>\n\nrecursive copy\ncopytree"],
    "thinks on": ["<think>\nThe user wants queries, so"],
    "repeats": [" How do I COPY ", "\n"],
    "qwen3": ["recursive copy of a folder\ncopy a directory tree"],
    "blank": ["  \n "],
    "refuses": [None],
    "writes a book": ["word " * 10_000],
}  # fmt: skip
"""Texts of the choices, by model."""


async def _drip() -> AsyncIterator[bytes]:
    for _ in range(100):  # as proxies do to keep a connection open
        yield b" "
        await asyncio.sleep(0.05)


async def _flood() -> AsyncIterator[bytes]:
    for _ in range(40):
        yield b" " * (1 << 16)


def _fault(model: str) -> Response | None:
    error = {"error": {"message": f"broken for {KEY}", "type": "server_error", "param": None, "code": None}}
    faults: dict[str, Response] = {
        "500": JSONResponse(error, 500),
        "429": JSONResponse(error, 429),
        "no json": PlainTextResponse("<html>It works!</html>"),
        "half surrogates": PlainTextResponse('{"choices": [{"message": {"content": "copy \\ud83d trees"}}]}'),
        "half": PlainTextResponse('{"choices": [{"message": {"content": "cop'),
        "not utf-8": Response(b'{"choices": "\xff"}', media_type="application/json"),
        "deep": PlainTextResponse("[" * 100_000),
        "list of nothing": JSONResponse([]),
        "null": JSONResponse(None),
        "other shape": JSONResponse({"choices": [{"text": "completion of the older protocol"}]}),
        "no choices": JSONResponse({"choices": []}),
        "drips": StreamingResponse(_drip(), media_type="application/json"),
        "floods": StreamingResponse(_flood(), media_type="application/json"),
        "elsewhere": RedirectResponse("http://127.0.0.1:9/v1/chat/completions"),
    }
    return faults.get(model)


def chat_app(asked: list[dict[str, Any]], key: str | None = KEY) -> FastAPI:
    """Make the server; what was asked is appended to a list. Without a key, whoever asks gets an answer."""
    app = FastAPI()

    @app.post("/v1/chat/completions")
    async def complete(request: Request) -> Response:
        if key and request.headers.get("authorization") != f"Bearer {key}":
            return JSONResponse(
                {"error": {"message": "Incorrect API key", "type": "x", "code": "invalid_api_key"}}, 401
            )
        body = await request.json()
        try:
            TypeAdapter(CompletionCreateParamsNonStreaming).validate_python(body)
        except ValidationError as error:
            return JSONResponse({"error": {"message": str(error), "type": "invalid_request_error"}}, 400)
        asked.append(body)
        model: str = body["model"]
        if model == "hangs":
            for _ in range(500):
                if await request.is_disconnected():
                    break
                await asyncio.sleep(0.02)
        if model == "echoes":
            await asyncio.sleep(0.02)
            texts: list[str | None] = [f"again: {body['messages'][-1]['content']}"]
        elif (fault := _fault(model)) is not None:
            return fault
        else:
            texts = SAYS.get(model, [None])[: body.get("n", 1)]
        choices = [
            {"index": place, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
            for place, text in enumerate(texts)
        ]
        completion = {"id": "1", "created": 0, "model": model, "object": "chat.completion", "choices": choices}
        return Response(ChatCompletion.model_validate(completion).model_dump_json(), media_type="application/json")

    return app
