"""Rewriting of queries by a language model, and what happens where it fails."""

from __future__ import annotations

import asyncio
import multiprocessing
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest

from tamis.errors import Denied, InvalidInput, Overloaded, ServiceError, TamisError, Unreachable
from tamis.integrations.rewriting import PROMPTS, Rewriter, Rewriting
from tamis.integrations.searcher import Searcher

from ..service.conftest import running
from .chat_server import KEY, chat_app

QUERY = "How do I copy"

Ask = Callable[[Rewriter, str], Rewriting]


def _wait(rewriter: Rewriter, query: str) -> Rewriting:
    return rewriter.rewrite(query)


def _await(rewriter: Rewriter, query: str) -> Rewriting:
    return asyncio.run(rewriter.arewrite(query))


@pytest.fixture(params=[_wait, _await], ids=["sync", "async"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Both ways to ask."""
    found: Ask = request.param
    return found


@pytest.fixture(scope="module")
def asked() -> list[dict[str, Any]]:
    """Bodies of the requests, in their order."""
    return []


@pytest.fixture(scope="module")
def llm(asked: list[dict[str, Any]]) -> Iterator[str]:
    """Base URL of a language model."""
    with running(chat_app(asked)) as url:
        yield f"{url}/v1"


def test_the_server_speaks_the_protocol(llm: str) -> None:
    """As the official client sees it."""
    messages: Any = [{"role": "user", "content": QUERY}]
    with openai.OpenAI(base_url=llm, api_key=KEY, max_retries=0, timeout=5) as client:
        completion = client.chat.completions.create(model="two passages", messages=messages, n=2)
        assert [choice.message.content for choice in completion.choices] == [
            "shutil.copytree copies a tree.",
            "os.walk visits each folder.",
        ]
        with pytest.raises(openai.InternalServerError, match="broken"):
            client.chat.completions.create(model="500", messages=messages)
    with (
        openai.OpenAI(base_url=llm, api_key="wrong", max_retries=0) as client,
        pytest.raises(openai.AuthenticationError),
    ):
        client.chat.completions.create(model="passage", messages=messages)


def test_hyde_is_a_passage_behind_the_query(llm: str, asked: list[dict[str, Any]], ask: Ask) -> None:
    with Rewriter(llm, "passage", "hyde", api_key=KEY, body={"temperature": 0.7}) as rewriter:
        found = ask(rewriter, QUERY)
    assert found == Rewriting(
        [QUERY, "Call shutil.copytree(src, dst): it copies a directory tree recursively."], "hyde"
    )
    assert not found.fell_back
    assert asked[-1] == {
        "model": "passage",
        "messages": [{"role": "system", "content": PROMPTS["hyde"]}, {"role": "user", "content": QUERY}],
        "temperature": 0.7,
    }


def test_several_passages_are_samples_of_one_request(llm: str, asked: list[dict[str, Any]]) -> None:
    with Rewriter(llm, "two passages", "hyde", api_key=KEY, count=2) as rewriter:
        assert rewriter.rewrite(QUERY).queries[1:] == ["shutil.copytree copies a tree.", "os.walk visits each folder."]
    assert asked[-1]["n"] == 2


def test_step_back_is_one_question(llm: str, ask: Ask) -> None:
    with Rewriter(llm, "question", "step-back", api_key=KEY) as rewriter:
        assert ask(rewriter, QUERY).queries == [QUERY, "What are the high-level file operations of shutil?"]


def test_queries_are_lines_without_marks_repetitions_and_announcements(
    llm: str, asked: list[dict[str, Any]], ask: Ask
) -> None:
    with Rewriter(llm, "list", api_key=KEY) as rewriter:
        assert ask(rewriter, QUERY).queries == [
            QUERY, "shutil copytree", "recursive directory copy", "copy files", "duplicate folders with contents"
        ]  # fmt: skip
    assert "Write 4 different" in asked[-1]["messages"][0]["content"]
    with Rewriter(llm, "list", api_key=KEY, count=1, prompt="{count} in {French}") as rewriter:
        assert ask(rewriter, QUERY).queries == [QUERY, "shutil copytree"]
    assert asked[-1]["messages"][0]["content"] == "1 in {French}"


def test_thoughts_are_no_queries(llm: str) -> None:
    with Rewriter(llm, "thinks", api_key=KEY) as rewriter:
        assert rewriter.rewrite(QUERY).queries == [QUERY, "recursive copy", "copytree"]


def test_what_an_encoder_would_not_read_is_cut(llm: str) -> None:
    with Rewriter(llm, "writes a book", "hyde", api_key=KEY) as rewriter:
        (passage,) = rewriter.rewrite(QUERY).queries[1:]
    assert 1_990 < len(passage) <= 2_000 and passage.endswith("word")
    with Rewriter(llm, "half surrogates", api_key=KEY) as rewriter:
        assert rewriter.rewrite(QUERY).queries == [QUERY, "copy  trees"]


FAULTS: list[tuple[str, type[TamisError], str]] = [
    ("500", ServiceError, r"status 500: .*broken for \.\.\."),
    ("429", Overloaded, "status 429"),
    ("no json", ServiceError, "no chat completion"),
    ("half", ServiceError, "no chat completion"),
    ("not utf-8", ServiceError, "no chat completion"),
    ("deep", ServiceError, "no chat completion"),
    ("list of nothing", ServiceError, "no chat completion"),
    ("null", ServiceError, "no chat completion"),
    ("other shape", ServiceError, "no chat completion"),
    ("no choices", ServiceError, "without text"),
    ("refuses", ServiceError, "without text"),
    ("blank", ServiceError, "without text"),
    ("repeats", ServiceError, "without a rewriting"),
    ("thinks on", ServiceError, "without a rewriting: '<think>"),
    ("floods", ServiceError, "more than 1048576 bytes"),
    ("elsewhere", ServiceError, "status 307"),
]


@pytest.mark.parametrize(("model", "kind", "said"), FAULTS)
def test_a_garbled_answer_leaves_the_plain_query(
    llm: str, model: str, kind: type[TamisError], said: str, ask: Ask
) -> None:
    with Rewriter(llm, model, api_key=KEY) as rewriter:
        found = ask(rewriter, QUERY)
    assert found.queries == [QUERY] and found.fell_back
    with (
        Rewriter(llm, model, api_key=KEY, required=True) as rewriter,
        pytest.raises(kind, match=said) as raised,
    ):
        ask(rewriter, QUERY)
    assert type(raised.value) is kind
    assert found.problem == str(raised.value)
    assert KEY not in found.problem


@pytest.mark.parametrize("model", ["hangs", "drips"])
def test_the_timeout_is_for_everything(llm: str, model: str, ask: Ask) -> None:
    """Also where something comes all the time."""
    start = time.perf_counter()
    with Rewriter(llm, model, api_key=KEY, timeout=0.3) as rewriter:
        found = ask(rewriter, QUERY)
    assert found.queries == [QUERY] and "within 0.3 s" in str(found.problem)
    assert 0.3 <= time.perf_counter() - start < 2


def test_nobody_answers(ask: Ask) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # and does not listen
        url = f"http://127.0.0.1:{bound.getsockname()[1]}/v1"
        with Rewriter(url, "m") as rewriter:
            found = ask(rewriter, QUERY)
        assert found.queries == [QUERY] and "no answer" in str(found.problem)
        with Rewriter(url, "m", required=True) as rewriter, pytest.raises(Unreachable):
            ask(rewriter, QUERY)


def test_a_wrong_key(llm: str) -> None:
    with Rewriter(llm, "passage", api_key="wrong", required=True) as rewriter, pytest.raises(Denied, match="401"):
        rewriter.rewrite(QUERY)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"url": "127.0.0.1:8000"}, "URL"),
        ({"model": ""}, "model"),
        ({"method": "stepback"}, "hyde, step-back, multi-query"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": float("nan")}, "timeout"),
        ({"count": 0}, "count"),
        ({"api_key": "schlüssel\n"}, "api_key"),
        ({"body": {"temperature": float("inf")}}, "body"),
        ({"body": {"stop": object()}}, "body"),
    ],
)
def test_what_cannot_be_right(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        Rewriter(**{"url": "http://127.0.0.1:1", "model": "m"} | arguments)


@pytest.mark.parametrize("query", ["", "  ", None, 3])
def test_a_query_that_is_none(query: Any, ask: Ask) -> None:
    with Rewriter("http://127.0.0.1:1", "m") as rewriter, pytest.raises(InvalidInput, match="query"):
        ask(rewriter, query)


def test_a_query_that_is_no_unicode(llm: str) -> None:
    """Half a surrogate pair goes over the wire as JSON escapes it."""
    with Rewriter(llm, "question", "step-back", api_key=KEY) as rewriter:
        assert rewriter.rewrite("copy \ud83d").queries[0] == "copy \ud83d"


def test_threads_and_coroutines_get_their_own_answers(llm: str) -> None:
    queries = [f"question {number}" for number in range(32)]
    wanted = [[query, f"again: {query}"] for query in queries]

    async def together(rewriter: Rewriter) -> list[Rewriting]:
        return await asyncio.gather(*map(rewriter.arewrite, queries))

    with Rewriter(llm, "echoes", api_key=KEY) as rewriter:
        with ThreadPoolExecutor(32) as pool:
            assert [found.queries for found in pool.map(rewriter.rewrite, queries)] == wanted
        for _ in range(2):  # in one event loop after the other
            assert [found.queries for found in asyncio.run(together(rewriter))] == wanted


def test_closing_ends_what_is_under_way(llm: str, asked: list[dict[str, Any]]) -> None:
    rewriter = Rewriter(llm, "hangs", api_key=KEY)
    before = len(asked)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(rewriter.rewrite, QUERY)
        while len(asked) == before:
            time.sleep(0.01)
        rewriter.close()
        assert "was closed" in str(waiting.result(5).problem)
    rewriter.close()
    with pytest.raises(InvalidInput, match="was closed"):
        rewriter.rewrite(QUERY)
    assert all(thread.name != "tamis-chat" for thread in threading.enumerate())


def test_a_cancelled_coroutine_stops_waiting(llm: str) -> None:
    async def impatient(rewriter: Rewriter) -> None:
        async with asyncio.timeout(0.1):
            await rewriter.arewrite(QUERY)

    with Rewriter(llm, "hangs", api_key=KEY) as rewriter, pytest.raises(TimeoutError):
        asyncio.run(impatient(rewriter))


def _rewrite_in_child(rewriter: Rewriter, out: Any) -> None:
    out.send(rewriter.rewrite(QUERY).queries)


def test_it_works_in_a_fork(llm: str) -> None:
    with Rewriter(llm, "echoes", api_key=KEY) as rewriter:
        wanted = rewriter.rewrite(QUERY).queries
        here, there = multiprocessing.Pipe()
        child = multiprocessing.get_context("fork").Process(target=_rewrite_in_child, args=(rewriter, there))
        child.start()
        assert here.poll(20), "the child said nothing"
        assert here.recv() == wanted
        child.join(20)
        assert rewriter.rewrite(QUERY).queries == wanted, "the parent's connections were left alone"


def test_a_rewriting_is_searched_as_one_question(llm: str, searcher: Searcher) -> None:
    with Rewriter(llm, "passage", "hyde", api_key=KEY) as rewriter:
        rewritten = rewriter.rewrite("copy everything")
    result = searcher.search_fused(rewritten.queries, 3)
    assert result.hits[0].id == "shutil.copytree"
    assert {"query_1", "query_2"} <= result.hits[0].stages.keys()


def test_a_search_without_the_language_model_is_the_plain_one(llm: str, searcher: Searcher) -> None:
    with Rewriter(llm, "500", api_key=KEY) as rewriter:
        rewritten = rewriter.rewrite("copy a whole tree")
    plain = searcher.search("copy a whole tree", 10)
    assert rewritten.fell_back
    assert [hit.id for hit in searcher.search_fused(rewritten.queries, 10).hits] == [hit.id for hit in plain.hits]
