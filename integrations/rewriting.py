"""Rewriter: has a language model say a query in other words, for `search_fused`; without it, the plain query stays."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self, get_args

from tamis.errors import InvalidInput, ServiceError, TamisError

from .chat import ChatEndpoint
from .options import check_query

log = logging.getLogger(__name__)

Method = Literal["hyde", "step-back", "multi-query"]

PROMPTS: Mapping[Method, str] = {
    "hyde": "Please write a passage to answer the question. Write nothing but the passage.",
    "step-back": (
        "Step back from the question: write the more general question that one would have to answer first, "
        "short and easy to look up. Write nothing but that question."
    ),
    "multi-query": (
        "Write {count} different search queries for what the question asks, in other words and from other sides. "
        "Write one query a line, and nothing else."
    ),
}
"""What each method asks of the model; the query is the user's message."""

COUNTS: Mapping[Method, int] = {"hyde": 1, "step-back": 1, "multi-query": 4}
"""How many rewritings each asks for."""

LONGEST = 2_000
"""Characters of a rewriting that are kept; encoders read less."""

THOUGHT = re.compile(r"\s*<think>.*?</think>", re.DOTALL)
MARK = re.compile(r"^(?:[-*•]|\(?\d{1,2}[.):])\s+")
QUOTES = "\"'`“”„«»*"


@dataclass(frozen=True, slots=True)
class Rewriting:
    """What to ask instead of a query."""

    queries: list[str]
    """The plain query, and behind it what the model made of it: arguments of `search_fused`."""
    method: Method
    problem: str | None = None
    """Why there is the plain query alone; None where it was rewritten."""

    @property
    def fell_back(self) -> bool:
        """Whether the model was of no use, so that the plain query is all there is."""
        return self.problem is not None


class Rewriter:
    """Rewrites queries with a language model behind an OpenAI-compatible address. Safe in threads and coroutines.

    * `hyde`: a passage that would answer (Gao et al. 2022, "Precise Zero-Shot Dense Retrieval without Relevance
      Labels"). There the mean of the vectors of passages and query is searched; here each is a query of its own.
    * `step-back`: the more general question behind it (Zheng et al. 2023, "Take a Step Back").
    * `multi-query`: the same in other words (Rackauckas 2024, "RAG-Fusion").
    """

    def __init__(
        self,
        url: str,
        model: str,
        method: Method = "multi-query",
        *,
        api_key: str | None = None,
        timeout: float = 10.0,
        count: int | None = None,
        prompt: str | None = None,
        body: Mapping[str, object] | None = None,
        required: bool = False,
    ) -> None:
        """Say whom to ask, and for what; nothing is sent before `rewrite`.

        Args:
            url: what stands before `/chat/completions`, such as `http://127.0.0.1:8000/v1`.
            model: its name there.
            method: `hyde`, `step-back` or `multi-query`.
            api_key: sent as a bearer token.
            timeout: seconds for one rewriting, all together.
            count: most rewritings of a query; None: 4 with `multi-query`, else 1.
            prompt: the instruction instead of the method's own; `{count}` in it becomes the count.
            body: more of the request's body, such as `{"temperature": 0.7, "max_tokens": 300}`.
            required: raise what went wrong instead of falling back to the plain query.

        Raises:
            InvalidInput: one of these cannot be right.
        """
        if method not in get_args(Method):
            raise InvalidInput(f"method must be one of {', '.join(get_args(Method))}; got {method!r}")
        if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
            raise InvalidInput(f"count must be a whole number of 1 or more, got {count!r}")
        self.method: Method = method
        self.count = count or COUNTS[method]
        self.required = required
        try:
            json.dumps(dict(body or {}), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise InvalidInput(f"body must hold what JSON can: {error}") from error
        self._instruction = (prompt or PROMPTS[method]).replace("{count}", str(self.count))
        # Passages are samples of one request each; queries stand in one answer, so that they differ.
        samples = {"n": self.count} if method == "hyde" and self.count > 1 else {}
        self._body = {**samples, **(body or {})}
        self._endpoint = ChatEndpoint(url, model, api_key, timeout)

    def rewrite(self, query: str) -> Rewriting:
        """Return the query with its rewritings; the query alone, and why, where the model did not help.

        Raises:
            InvalidInput: the query is empty or no text.
            ServiceError: (`required`) the model did not answer, or not with what was asked for.
            Overloaded: (`required`) it has too much to do.
        """
        asked = self._endpoint.begin(self._messages(query), self._body)
        try:
            return self._read(query, asked.result())
        except TamisError as error:
            return self._plain(query, error)
        finally:
            asked.cancel()

    async def arewrite(self, query: str) -> Rewriting:
        """Do as `rewrite` without blocking the event loop."""
        asked = self._endpoint.begin(self._messages(query), self._body)
        try:
            return self._read(query, await asyncio.wrap_future(asked))
        except TamisError as error:
            return self._plain(query, error)

    def close(self) -> None:
        """Close the connections."""
        self._endpoint.close()

    async def aclose(self) -> None:
        """Do as `close`, from an event loop."""
        self.close()

    def _messages(self, query: str) -> list[dict[str, str]]:
        return [{"role": "system", "content": self._instruction}, {"role": "user", "content": check_query(query)}]

    def _read(self, query: str, texts: list[str]) -> Rewriting:
        thought = [THOUGHT.sub("", text, count=1).strip() for text in texts]
        said = [text for text in thought if not text.startswith("<think>")]  # the rest ended before it spoke
        lines = [_cut(" ".join(text.split())) for text in said] if self.method == "hyde" else _lines(said)
        unlike = {query.strip().casefold(): query}
        for line in filter(None, lines):
            unlike.setdefault(line.casefold(), line)
        queries = list(unlike.values())[: self.count + 1]
        if len(queries) == 1:
            raise ServiceError(f"{self._endpoint.url} answered without a rewriting: {' '.join(thought)[:100]!r}")
        return Rewriting(queries, self.method)

    def _plain(self, query: str, error: TamisError) -> Rewriting:
        if self.required:
            raise error
        log.warning("query is searched as it is: %s", error)
        return Rewriting([query], self.method, str(error))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


def _lines(texts: list[str]) -> list[str]:
    """Return an answer's lines without list marks and quotes; a line that ends in a colon announces others."""
    lines = (MARK.sub("", line.strip()).strip().strip(QUOTES).strip() for text in texts for line in text.splitlines())
    return [_cut(line) for line in lines if not line.endswith(":")]


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[:LONGEST].rsplit(" ", 1)[0]
