"""Retrieval-augmented generation in one file: retrieve, pack the context, ask a language model, check its citations.

    python examples/rag.py "how do I copy a folder with everything in it?"

prints the prompt, over the index in the folder `pydocs` (`tamis index build pydocs --out pydocs`). With a language
model behind any OpenAI-compatible address it prints the answer and its sources:

    python examples/rag.py "..." --llm http://127.0.0.1:8000/v1 --model qwen3    # the key: OPENAI_API_KEY
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tokenizers import Tokenizer

import tamis
from tamis.errors import TamisError
from tamis.rankers.hits import Hit

Count = Callable[[str], int]
"""Text to its number of tokens."""

INSTRUCTION = (
    "Answer the question from the numbered passages alone. Put the number of each passage that you use behind what it "
    "supports, like [2]. If the passages do not hold the answer, say so."
)


class NoAnswer(Exception):
    """The language model could not be asked, or gave something else than an answer."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A question with the passages that it is to be answered from."""

    question: str
    sources: list[Hit]
    """The first one is cited as [1]."""

    def messages(self) -> list[dict[str, str]]:
        """Return the prompt as chat messages."""
        asked = f"{_context(self.sources)}\n\nQuestion: {self.question}"
        return [{"role": "system", "content": INSTRUCTION}, {"role": "user", "content": asked}]


def main(arguments: Sequence[str] | None = None) -> int:
    """Answer one question; gives the exit code."""
    options = _options(arguments)
    try:
        with tamis.open(options.index) as index:
            # Unlike passages tell more within the same budget than five versions of one do.
            hits = index.search(options.question, k=options.candidates, diversity=options.diversity).hits
    except TamisError as error:
        print(error, file=sys.stderr)
        return 1
    prompt = pack(options.question, hits, options.tokens, counter(options.tokenizer))
    if options.llm is None:
        print("\n\n".join(message["content"] for message in prompt.messages()))
        return 0
    try:
        answer = ask(prompt, options.llm, options.model, options.timeout)
    except NoAnswer as error:
        print(error, file=sys.stderr)
        return 1
    print(answer)
    cited, unknown = citations(answer, len(prompt.sources))
    for number in cited:
        hit = prompt.sources[number - 1]
        print(f"[{number}] {hit.id}: {hit.title}")
    if unknown:
        print(f"The answer cites {unknown}, which it was not given: do not trust it.", file=sys.stderr)
    elif not cited:
        print("The answer cites nothing: do not trust it.", file=sys.stderr)
    return 0


def pack(question: str, hits: Sequence[Hit], tokens: int, count: Count) -> Prompt:
    """Take the best passages that fit: the whole prompt counts at most `tokens`, where a passage fits at all.

    A passage that is too long is left out whole, and shorter ones below it may still come in.
    """
    sources: list[Hit] = []
    for hit in hits:
        tried = Prompt(question, [*sources, hit])
        if sum(count(message["content"]) for message in tried.messages()) <= tokens:
            sources.append(hit)
    return Prompt(question, sources)


def counter(tokenizer: str | None) -> Count:
    """Return what counts tokens: a model's own `tokenizer.json`, or one for three bytes, which is cautious for text."""
    if tokenizer is None:
        return lambda text: -(-len(text.encode()) // 3)
    read = Tokenizer.from_file(tokenizer)
    return lambda text: len(read.encode(text).ids)


def ask(prompt: Prompt, base_url: str, model: str, timeout: float) -> str:
    """Ask a language model over OpenAI's protocol.

    Raises:
        NoAnswer: it does not answer, refuses, or says something else.
    """
    url = f"{base_url.rstrip('/')}/chat/completions"
    body = {"model": model, "messages": prompt.messages(), "temperature": 0}
    headers = {"content-type": "application/json"}
    if key := os.environ.get("OPENAI_API_KEY"):
        headers["authorization"] = f"Bearer {key}"
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            found = json.load(response)["choices"][0]["message"]["content"]
    except urllib.error.HTTPError as error:
        raise NoAnswer(f"{url}: {error.code} {error.read(500).decode(errors='replace')}") from error
    except OSError as error:
        raise NoAnswer(f"{url} does not answer: {error}") from error
    except (ValueError, LookupError, TypeError) as error:
        raise NoAnswer(f"{url} gave no chat completion ({error!r})") from error
    if not isinstance(found, str):
        raise NoAnswer(f"{url} gave an answer without text")
    return found


def citations(answer: str, sources: int) -> tuple[list[int], list[int]]:
    """Return the numbers that an answer cites, once each: those of sources, and those of none."""
    marks = re.findall(r"\[(\d+(?:\s*,\s*\d+)*)\]", answer)
    numbers = dict.fromkeys(int(number) for mark in marks for number in mark.split(","))
    return [n for n in numbers if 1 <= n <= sources], [n for n in numbers if not 1 <= n <= sources]


def _context(sources: Sequence[Hit]) -> str:
    if not sources:
        return "(no passage was found that fits)"
    return "\n\n".join(
        f"[{number}] {hit.title or hit.id}\n{hit.text.strip()}" for number, hit in enumerate(sources, start=1)
    )


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("question")
    parser.add_argument("--index", default="pydocs", help="folder of an index, or the URL of a service")
    parser.add_argument("--candidates", type=int, default=20, help="passages that are considered")
    parser.add_argument("--diversity", type=float, default=0.3, help="0: the best passages; 1: the most different ones")
    parser.add_argument("--tokens", type=int, default=1500, help="longest prompt, in tokens")
    parser.add_argument("--tokenizer", help="tokenizer.json of the language model; without it tokens are estimated")
    parser.add_argument("--llm", help="base URL of an OpenAI-compatible service, such as http://127.0.0.1:8000/v1")
    parser.add_argument("--model", default="default", help="what the service calls the model")
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds to wait for the answer")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
