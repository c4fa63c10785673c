"""POST /v1/search: the same answers as in process, bit by bit, in the declared shape."""

from __future__ import annotations

import http.client
import time
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import Any

import httpx
import numpy as np
import pytest

from tamis.rankers.engine import Engine
from tamis.service.schemas import SearchResponse

QUERIES = [
    "how do I sort a list",
    "pick a random element",
    "copy a directory tree",
    "read a csv file with a header",
    "parse JSON\n\tfrom text",
    "größter gemeinsamer Teiler 🎉 日本語",
    '"; DROP TABLE passages; --',
    "(unbalanced AND title:foo^2~ [* TO *]",
    "???",
    "xyzzy plugh",
]


def search(client: httpx.Client, **body: object) -> Any:
    """Post a search that must succeed."""
    response = client.post("/v1/search", json={"index": "tiny", **body})
    assert response.status_code == 200, response.text
    return response.json()


@pytest.mark.parametrize("query", QUERIES)
def test_http_gives_what_the_engine_gives(client: httpx.Client, tiny_engine: Engine, query: str) -> None:
    """Ids, order, bits of all scores, texts: nothing changes on the way."""
    there, here = search(client, query=query, k=20), tiny_engine.search(query, 20)
    assert [hit["docid"] for hit in there["hits"]] == [hit.id for hit in here.hits]
    for seen, hit in zip(there["hits"], here.hits, strict=True):
        assert seen["score"] == hit.score
        assert np.float32(seen["score"]).tobytes() == np.float32(hit.score).tobytes()
        assert (seen["rank"], seen["title"], seen["text"]) == (hit.rank, hit.title, hit.text)
        assert (seen["document_id"], seen["metadata"]) == (hit.document_id, hit.metadata)
        for name, stage in hit.stages.items():
            assert seen["stages"][name] == (stage and {"rank": stage.rank, "score": stage.score})


def test_sixteen_threads_get_the_answers_of_one(url: str, tiny_engine: Engine) -> None:
    expected = {query: [(hit.id, hit.score) for hit in tiny_engine.search(query, 10).hits] for query in QUERIES}

    def ask(number: int) -> bool:
        with httpx.Client(base_url=url, timeout=60) as client:
            turns = [QUERIES[(number + turn) % len(QUERIES)] for turn in range(10)]
            found = [(query, search(client, query=query)["hits"]) for query in turns]
        return all([(hit["docid"], hit["score"]) for hit in hits] == expected[query] for query, hits in found)

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(ask, range(16)))


def test_answer_has_the_declared_shape(client: httpx.Client, tiny_engine: Engine) -> None:
    body = search(client, query="sort a list")
    SearchResponse.model_validate(body)
    manifest = tiny_engine.index.manifest
    assert body["index"] == {"name": "tiny", "version": manifest.version, "fingerprint": manifest.fingerprint}
    assert body["query"] == {"text": "sort a list"}
    assert body["api"] == "v1" and body["degraded"] == []
    assert len(body["hits"]) == 10
    assert all(list(hit["stages"]) == ["sparse", "dense", "fused"] for hit in body["hits"])
    assert set(body["timings_ms"]) == {"sparse", "dense", "fusion"}
    assert "pipeline" not in body


def test_a_stage_that_missed_a_hit_is_null(client: httpx.Client) -> None:
    """No word of this query is in the corpus: only the dense arm finds anything."""
    hits = search(client, query="xyzzy plugh")["hits"]
    assert hits
    assert all(hit["stages"]["sparse"] is None and hit["stages"]["dense"] is not None for hit in hits)


def test_order_does_not_depend_on_k(client: httpx.Client) -> None:
    one, many = search(client, query="random", k=3)["hits"], search(client, query="random", k=50)["hits"]
    assert many[:3] == one


def test_texts_can_be_left_out(client: httpx.Client) -> None:
    hits = search(client, query="random", return_text=False)["hits"]
    assert hits and all(hit["text"] is None and hit["title"] for hit in hits)


def test_explain_tells_how_scores_were_made(client: httpx.Client, tiny_engine: Engine) -> None:
    body = search(client, query="random", explain=True)
    SearchResponse.model_validate(body)
    assert body["pipeline"] == tiny_engine.config.model_dump(mode="json")
    k = body["pipeline"]["rrf_k"]
    ranks = [hit["stages"][arm]["rank"] for hit in body["hits"][:1] for arm in ("sparse", "dense")]
    assert body["hits"][0]["score"] == pytest.approx(sum(1 / (k + rank) for rank in ranks), rel=1e-6)


def test_alias_is_the_same_route(client: httpx.Client) -> None:
    body = {"index": "tiny", "query": "random"}
    assert client.post("/search", json=body).json()["hits"] == client.post("/v1/search", json=body).json()["hits"]


def test_request_ids_are_echoed_when_safe_and_made_when_not(client: httpx.Client) -> None:
    body = {"index": "tiny", "query": "random"}
    answer = client.post("/v1/search", json=body, headers={"X-Request-ID": "abc-1.2_3"})
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == "abc-1.2_3"
    for bad in ("two words", "x" * 129, "a;b", "<script>", ""):
        answer = client.post("/v1/search", json=body, headers={"X-Request-ID": bad})
        assert answer.headers["x-request-id"] == answer.json()["request_id"] != bad
        assert len(answer.json()["request_id"]) == 32


def test_server_timing_names_the_steps(client: httpx.Client) -> None:
    answer = client.post("/v1/search", json={"index": "tiny", "query": "random"})
    steps = dict(part.split(";dur=") for part in answer.headers["server-timing"].split(", "))
    assert set(steps) == {"sparse", "dense", "fusion", "total"}
    assert float(steps["total"]) == pytest.approx(answer.json()["took_ms"], abs=0.001)


def test_answers_do_not_wait_for_delayed_acks(url: str) -> None:
    """Without TCP_NODELAY every answer on a kept connection takes 40 ms longer."""
    host, port = url.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port))
    took = []
    for _ in range(21):
        start = time.perf_counter()
        connection.request("GET", "/livez")
        connection.getresponse().read()
        took.append(time.perf_counter() - start)
    connection.close()
    assert median(took) < 0.035
