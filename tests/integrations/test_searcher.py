"""The one interface, in this process and over HTTP: the same answers, from threads and from coroutines."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tamis
from tamis.errors import (
    CorpusError,
    InvalidInput,
    NotFound,
    OtherVersion,
    OutOfTime,
    Overloaded,
    ServiceError,
    Unreachable,
)
from tamis.integrations.local import Local
from tamis.integrations.searcher import Searcher
from tamis.rankers.hits import SearchResult
from tamis.service.app import create_app
from tamis.service.config import ServiceConfig

from ..service.conftest import running

QUERY = "copy a whole directory tree to another place"
QUERIES = [QUERY, "pick a random element", "median of a list of numbers", "keep a list sorted while inserting"]


def bits(result: SearchResult) -> list[tuple[object, ...]]:
    """Everything of the hits."""
    return [
        (hit.id, hit.rank, hit.score, hit.title, hit.text, str(hit.metadata), str(hit.stages)) for hit in result.hits
    ]


def test_both_give_the_engines_answers(local: Local, searcher: Searcher) -> None:
    expected = local.engine.search(QUERY, 7)
    found = searcher.search(QUERY, 7)
    assert bits(found) == bits(expected)
    assert found.hits[0].id == "shutil.copytree"
    assert searcher.name == "tiny"
    assert searcher.describe() == local.describe()


def test_a_batch_is_answered_as_alone(searcher: Searcher) -> None:
    many = searcher.search_many(QUERIES, 5, pipeline="read")
    assert [result.query for result in many] == QUERIES
    assert [bits(result) for result in many] == [bits(searcher.search(query, 5, pipeline="read")) for query in QUERIES]
    assert searcher.search_many([QUERY] * 17, 1)[16].hits[0].id == "shutil.copytree", "more than the service takes"


def test_coroutines_get_what_threads_get(searcher: Searcher) -> None:
    async def ask() -> list[Any]:
        async with tamis.open(searcher.url) if hasattr(searcher, "url") else _Kept(searcher) as asked:
            return [
                await asked.asearch(QUERY, 5),
                await asked.asearch_many(QUERIES, 3),
                await asked.asearch_fused(QUERIES[:2], 3),
                await asked.arerank(QUERY, ["a", "copy a directory"]),
                await asked.aembed(["a text"]),
                await asked.afetch(["shutil.copytree"]),
                await asked.aneighbours("shutil.copytree"),
                await asked.aexplain(QUERY, "shutil.copytree"),
            ]

    found = asyncio.run(ask())
    assert bits(found[0]) == bits(searcher.search(QUERY, 5))
    assert [bits(one) for one in found[1]] == [bits(one) for one in searcher.search_many(QUERIES, 3)]
    assert bits(found[2]) == bits(searcher.search_fused(QUERIES[:2], 3))
    assert found[3] == searcher.rerank(QUERY, ["a", "copy a directory"])
    assert found[4].tobytes() == searcher.embed(["a text"]).tobytes()
    assert found[5:] == [
        searcher.fetch(["shutil.copytree"]),
        searcher.neighbours("shutil.copytree"),
        searcher.explain(QUERY, "shutil.copytree"),
    ]


class _Kept:
    """Leaves a searcher of the whole session open."""

    def __init__(self, searcher: Searcher) -> None:
        self.searcher = searcher

    async def __aenter__(self) -> Searcher:
        return self.searcher

    async def __aexit__(self, *_: object) -> None:
        return None


def test_32_threads_and_32_coroutines_rank_as_one(searcher: Searcher) -> None:
    asked = [QUERIES[number % len(QUERIES)] for number in range(32)]
    expected = [bits(searcher.search(query, 10)) for query in asked]
    with ThreadPoolExecutor(32) as pool:
        assert [bits(result) for result in pool.map(lambda query: searcher.search(query, 10), asked)] == expected

    async def together() -> list[SearchResult]:
        if isinstance(searcher, Local):
            return await asyncio.gather(*(searcher.asearch(query, 10) for query in asked))
        async with tamis.open(searcher.url) as other:  # type: ignore[attr-defined]
            return await asyncio.gather(*(other.asearch(query, 10) for query in asked))

    assert [bits(result) for result in asyncio.run(together())] == expected


def test_texts_are_reranked_by_index(local: Local, searcher: Searcher) -> None:
    """Each score is its own text's, whatever the order; 18 texts are more than the service takes at once."""
    texts = [f"text number {number} on copying a directory" for number in range(17)] + ["shutil.copytree copies a tree"]
    found = searcher.rerank(QUERY, texts)
    assert sorted(one.index for one in found) == list(range(18))
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    backwards = {17 - one.index: one.score for one in searcher.rerank(QUERY, texts[::-1])}
    assert {one.index: one.score for one in found} == backwards
    assert found == local.rerank(QUERY, texts)
    assert searcher.rerank(QUERY, []) == []


@pytest.mark.slow
def test_ten_thousand_texts_are_reranked(local: Local) -> None:
    """In process at once, over HTTP in as many requests as it takes; equal texts get equal scores."""
    texts = [f"copy {number % 50}" for number in range(10_000)]
    found = local.rerank("copy", texts)
    assert sorted(one.index for one in found) == list(range(10_000))
    assert len({(texts[one.index], one.score) for one in found}) == 50
    with running(create_app({"tiny": local.engine}, ServiceConfig())) as url, tamis.open(url) as remote:
        assert remote.rerank("copy", texts) == found


def test_texts_are_embedded_with_the_index_own_encoder(local: Local, searcher: Searcher) -> None:
    texts = ["one", "", "zwei 🎉"] * 7
    vectors = searcher.embed(texts)
    assert vectors.dtype == np.float32
    assert vectors.tobytes() == local.engine.index.encoder.encode(texts, "passage").tobytes()
    assert searcher.embed([]).shape == (0, local.engine.index.encoder.dimension)


def test_passages_are_fetched_in_the_order_of_the_ids(searcher: Searcher) -> None:
    ids = ["shutil.copytree", "shutil.rmtree", "shutil.copytree"]
    found = searcher.fetch(ids)
    assert [passage.id for passage in found] == ids
    assert found[0].metadata["package"] == "shutil"
    with pytest.raises(NotFound, match=r"no\.such"):
        searcher.fetch(["shutil.rmtree", "no.such"])


def test_explain_follows_a_passage_that_the_answer_does_not_show(local: Local, searcher: Searcher) -> None:
    ranking = local.engine.search(QUERY, 60)
    for hit in (ranking.hits[0], ranking.hits[45]):
        found = searcher.explain(QUERY, hit.id)
        assert (found.rank, found.score, found.lost_at) == (hit.rank, hit.score, None)
        assert found.stages == hit.stages
    with pytest.raises(NotFound):
        searcher.explain(QUERY, "no.such")


def test_what_is_excluded_is_gone_and_the_others_keep_their_order(searcher: Searcher) -> None:
    full = [hit.id for hit in searcher.search(QUERY, 12).hits]
    found = searcher.search(QUERY, 10, exclude_ids=full[:2])
    assert [hit.id for hit in found.hits] == full[2:]
    assert [hit.rank for hit in found.hits] == list(range(1, 11))


def test_diversity_trades_score_against_likeness(local: Local, searcher: Searcher) -> None:
    """0 keeps the order; with more, each hit maximises the formula given those above it (Carbonell, Goldstein 1998)."""
    plain = local.engine.search(QUERY, 100).hits
    assert [hit.id for hit in searcher.search(QUERY, 20, diversity=0).hits] == [hit.id for hit in plain[:20]]
    found = [hit.id for hit in searcher.search(QUERY, 6, diversity=0.5).hits]
    index = local.engine.index
    vectors = dict(zip([hit.id for hit in plain], index.dense.vectors(
        np.array([index.ids.row_of(hit.id) for hit in plain], np.int32)), strict=True))  # fmt: skip
    low, high = plain[-1].score, plain[0].score
    chosen: list[str] = []
    for id_ in found:

        def gain(other: str) -> float:
            score = next(hit.score for hit in plain if hit.id == other)
            likeness = max((float(vectors[other] @ vectors[one]) for one in chosen), default=0.0)
            return 0.5 * (score - low) / (high - low) - 0.5 * likeness

        best = max(gain(hit.id) for hit in plain if hit.id not in chosen)
        assert gain(id_) == pytest.approx(best, abs=1e-6)
        chosen.append(id_)
    assert found != [hit.id for hit in plain[:6]]


def test_rewritings_are_fused_by_reciprocal_ranks(searcher: Searcher) -> None:
    queries = QUERIES[:3]
    each = [{hit.id: hit.rank for hit in searcher.search(query, 400).hits} for query in queries]
    for hit in searcher.search_fused(queries, 25).hits:
        expected = sum(1 / (60 + ranks[hit.id]) for ranks in each if hit.id in ranks)
        assert hit.score == pytest.approx(expected, rel=1e-5)
        assert list(hit.stages) == ["query_1", "query_2", "query_3", "fused"]


def test_a_budget_and_what_must_not_be_left_out(searcher: Searcher) -> None:
    for _ in range(50):  # on a busy machine a millisecond may be over before a thread is free
        with suppress(OutOfTime):
            found = searcher.search(QUERY, 3, pipeline="read", budget_ms=1)
            break
    assert [one.stage for one in found.degraded] == ["rerank"]
    with pytest.raises((OutOfTime, Overloaded)):
        searcher.search(QUERY, 3, pipeline="read", budget_ms=1, require=["rerank"])


@pytest.mark.parametrize(
    ("ask", "kind", "said"),
    [
        (lambda it: it.search(""), InvalidInput, "not empty"),
        (lambda it: it.search(None), InvalidInput, "None"),
        (lambda it: it.search(QUERY, 0), InvalidInput, "k"),
        (lambda it: it.search(QUERY, pipeline="raed"), NotFound, "did you mean 'read'"),
        (lambda it: it.search(QUERY, diversity=2), InvalidInput, "diversity"),
        (lambda it: it.search(QUERY, documents="all"), InvalidInput, "documents"),
        (lambda it: it.search(QUERY, budget_ms=-1), InvalidInput, "budget_ms"),
        (lambda it: it.search_many("text"), InvalidInput, "list of strings"),
        (lambda it: it.rerank(QUERY, ["a", None]), InvalidInput, r"texts\[1\] is NoneType"),
        (lambda it: it.rerank(QUERY, "text"), InvalidInput, "list of strings"),
        (lambda it: it.rerank(QUERY, ["a"], model="no-such"), NotFound, "no-such"),
        (lambda it: it.embed([3]), InvalidInput, r"texts\[0\] is int"),
        (lambda it: it.fetch("shutil.copytree"), InvalidInput, "list of strings"),
    ],
)
def test_bad_input_is_named(searcher: Searcher, ask: Any, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said):
        ask(searcher)


def test_a_path_that_is_no_index(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="tamis index build"):
        tamis.open(tmp_path)
    with pytest.raises(InvalidInput, match="api_key"):
        tamis.open(tmp_path, api_key="k")


def test_a_url_that_does_not_answer() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(Unreachable, match="tamis serve"):
        tamis.open(f"http://127.0.0.1:{port}")
    with pytest.raises(InvalidInput, match="version"):
        tamis.open(f"http://127.0.0.1:{port}", version="1")


@pytest.fixture
def answering() -> Iterator[tuple[str, list[tuple[int, bytes]]]]:
    """A plain HTTP server on a free port, and the list of what it answers next."""
    answers: list[tuple[int, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers.pop(0)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return None

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", answers
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html>hello</html>"),
        (404, b'{"detail": "Not Found"}'),
        (200, b'{"api": "v2", "indexes": [], "limits": {}}'),
        (200, b'{"hello": 1}'),
        (200, b'{"api": "v1"}'),
        (200, b"[]"),
    ],
)
def test_a_server_of_another_kind_or_version(
    answering: tuple[str, list[tuple[int, bytes]]], status: int, body: bytes
) -> None:
    url, answers = answering
    answers.append((status, body))
    with pytest.raises(OtherVersion, match=r"127\.0\.0\.1"):
        tamis.open(url)


def test_a_service_whose_index_is_not_there(url: str, answering: tuple[str, list[tuple[int, bytes]]]) -> None:
    with pytest.raises(NotFound, match="it serves tiny"):
        tamis.open(url, index="other")
    base, answers = answering
    info = {"api": "v1", "limits": {}, "indexes": [{"name": "a", "ready": True}, {"name": "b", "ready": False}]}
    answers += [(200, json.dumps(info).encode())] * 2
    answers.append((500, json.dumps({"error": {"message": "broken", "code": "internal_error"}}).encode()))
    with pytest.raises(InvalidInput, match="index="):
        tamis.open(base)
    with pytest.raises(Overloaded, match="being opened"):
        tamis.open(base, index="b")
    with pytest.raises(ServiceError, match="broken"):
        tamis.open(base, index="a")


def _search_in_child(searcher: Searcher, out: Any) -> None:
    try:
        searcher.search(QUERY)
    except InvalidInput as error:
        out.send(str(error))


def test_a_fork_is_told_to_open_again(searcher: Searcher) -> None:
    """It would wait for threads that only the parent has."""
    here, there = multiprocessing.Pipe()
    child = multiprocessing.get_context("fork").Process(target=_search_in_child, args=(searcher, there))
    child.start()
    assert here.poll(20), "the child said nothing"
    assert "after forking" in here.recv()
    child.join(20)


def test_an_index_is_built_of_any_iterable(tmp_path: Path) -> None:
    passages: list[dict[str, object]] = [
        {"id": "a", "text": "cats purr", "metadata": {"year": 1999}},
        {"id": "b", "title": "Dogs", "text": "they bark", "metadata": None},
        {"id": 3, "text": "fish swim"},
    ]
    manifest = tamis.build((passage for passage in passages), tmp_path / "animals")
    assert (manifest.passages, manifest.corpus.name) == (3, "animals")
    assert tamis.build(iter(passages), tmp_path / "animals").version == manifest.version, "it is there already"
    with tamis.open(tmp_path / "animals") as index:
        assert index.search("purring cat", 1).hits[0].metadata == {"year": 1999}
        assert [(found.id, found.title) for found in index.fetch(["b", "3"])] == [("b", "Dogs"), ("3", "")]


@pytest.mark.parametrize(
    ("passages", "kind", "said"),
    [
        ([{"id": "a", "text": "x"}, "text"], InvalidInput, "passage 1 is str"),
        ([{"id": "a", "txt": "x"}], InvalidInput, "'txt'"),
        ([{"id": "a", "text": "x", "metadata": 3}], InvalidInput, "metadata of type int"),
        ([{"id": "a", "text": object()}], InvalidInput, "passage 0"),
        ([{"id": "a", "text": None}], CorpusError, "no text"),
        ([{"id": "a", "text": "x"}, {"id": "a", "text": "y"}], CorpusError, "duplicate id"),
        ([], CorpusError, "nothing to index"),
        ({"id": "a"}, InvalidInput, "iterable of dicts"),
    ],
)
def test_passages_that_cannot_be_indexed(tmp_path: Path, passages: Any, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said):
        tamis.build(passages, tmp_path / "index")
    with pytest.raises(NotFound):
        tamis.open(tmp_path / "index")
