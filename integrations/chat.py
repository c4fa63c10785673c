"""ChatEndpoint: asks a language model over OpenAI's protocol (`POST /chat/completions`), within a time."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from tamis.errors import Denied, InvalidInput, MissingPrerequisite, Overloaded, ServiceError, TamisError, Unreachable

from .loop_thread import LoopThread

try:
    import httpx
except ModuleNotFoundError as error:
    raise MissingPrerequisite("asking a language model needs httpx; pip install 'tamis[client]'") from error

LONGEST_ANSWER = 1 << 20
"""Bytes of an answer beyond which it is none."""


class ChatEndpoint:
    """One model behind one address. Safe in threads and coroutines, and over a fork."""

    def __init__(self, url: str, model: str, api_key: str | None, timeout: float) -> None:
        """Say where and whom to ask; nothing is sent yet.

        Args:
            url: what stands before `/chat/completions`, such as `http://127.0.0.1:8000/v1`.
            model: its name there.
            api_key: sent as a bearer token.
            timeout: seconds for everything, from the connection to the last byte.

        Raises:
            InvalidInput: one of these cannot be right.
        """
        if not isinstance(url, str) or not url.startswith(("http://", "https://")):
            raise InvalidInput(f"the endpoint must be a URL like http://127.0.0.1:8000/v1, got {url!r}")
        if not isinstance(model, str) or not model:
            raise InvalidInput(f"model must be the name of a model at {url}, got {model!r}")
        if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 < timeout < float("inf"):
            raise InvalidInput(f"timeout must be a number of seconds above 0, got {timeout!r}")
        if api_key is not None and not (isinstance(api_key, str) and api_key.isascii() and api_key.isprintable()):
            raise InvalidInput("api_key must be printable ASCII")
        self.url = f"{url.rstrip('/')}/chat/completions"
        self.model = model
        self.timeout = timeout
        self._key = api_key
        self._lock = threading.Lock()
        self._process = -1
        self._closed = False

    def begin(self, messages: list[dict[str, str]], more: Mapping[str, object]) -> Future[list[str]]:
        """Ask; the future gives the texts of the answer's choices, of which there is at least one.

        Raises (the future does):
            Unreachable: nobody answered in time.
            Denied: the endpoint wants a key, or a better one.
            Overloaded: it has too much to do.
            ServiceError: it answered with an error, or with something else than a chat completion.
        """
        with self._lock:
            if self._closed:
                raise InvalidInput(f"the connection to {self.url} was closed")
            if self._process != os.getpid():  # a forked child has neither the thread nor its connections
                self._process = os.getpid()
                self._loop = LoopThread("tamis-chat")
                self._client = httpx.AsyncClient(timeout=None)  # all of it is timed together
            body = {"model": self.model, "messages": messages, **more}
            return self._loop.start(self._ask(json.dumps(body).encode()))

    def close(self) -> None:
        """Close connections and thread; what is under way ends with `Unreachable`."""
        with self._lock:
            open_here = not self._closed and self._process == os.getpid()
            self._closed = True
            if open_here:
                self._loop.start(self._end()).result()
                self._loop.close()

    async def _end(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._client.aclose()

    async def _ask(self, body: bytes) -> list[str]:
        headers = {"Content-Type": "application/json"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        try:
            async with (
                asyncio.timeout(self.timeout),
                self._client.stream("POST", self.url, content=body, headers=headers) as response,
            ):
                content = bytearray()
                async for part in response.aiter_bytes():
                    content += part
                    if len(content) > LONGEST_ANSWER:
                        raise ServiceError(f"{self.url} answered with more than {LONGEST_ANSWER} bytes")
        except TimeoutError:
            raise Unreachable(f"{self.url} did not answer within {self.timeout:g} s") from None
        except asyncio.CancelledError:
            if self._closed:
                raise Unreachable(f"the connection to {self.url} was closed") from None
            raise
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unreachable(f"no answer from {self.url}: {str(error) or type(error).__name__}") from error
        if not response.is_success:
            raise self._refused(response.status_code, bytes(content))
        return _texts(bytes(content), self.url)

    def _refused(self, status: int, content: bytes) -> TamisError:
        said = " ".join(content[:300].decode(errors="replace").split())
        if self._key:
            said = said.replace(self._key, "...")
        kinds: dict[int, type[TamisError]] = {401: Denied, 403: Denied, 429: Overloaded, 503: Overloaded}
        return kinds.get(status, ServiceError)(f"{self.url}: status {status}: {said}")


def _texts(content: bytes, url: str) -> list[str]:
    """Read a chat completion; choices without text (refusals, calls of tools) are left out."""
    try:
        found: list[Any] = [choice["message"]["content"] for choice in json.loads(content)["choices"]]
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise ServiceError(f"{url} gave no chat completion ({type(error).__name__})") from error
    texts = [text.encode("utf-8", "ignore").decode() for text in found if isinstance(text, str)]  # half surrogates
    if not any(text.strip() for text in texts):
        raise ServiceError(f"{url} gave a chat completion without text")
    return texts
