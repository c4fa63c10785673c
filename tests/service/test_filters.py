"""Filters, weights and a full reranker, as requests meet them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import orjson
import pytest

from tamis.errors import InvalidInput
from tamis.indexer.build import build
from tamis.indexer.config import IndexConfig
from tamis.indexer.corpus.open import open_corpus
from tamis.rankers.config import PipelineConfig
from tamis.rankers.engine import Engine
from tamis.rankers.ranking import Query
from tamis.service.app import create_app
from tamis.service.config import ServiceConfig
from tamis.service.error_schemas import ErrorEnvelope
from tamis.service.schemas import SearchResponse

from .conftest import running

COUNT = 1_000
WORDS = ("list", "sort", "tree", "copy", "file", "csv", "graph")
QUERY = "sort a list"
FILTERS: dict[float, dict[str, Any]] = {
    0.001: {"type": "eq", "field": "number", "value": 77},
    0.01: {"type": "and", "filters": [{"type": "range", "field": "number", "gte": 100, "lt": 120},
                                      {"type": "not", "filter": {"type": "eq", "field": "even", "value": True}}]},
    0.1: {"type": "in", "field": "tenth", "values": ["3", "nobody's"]},
}  # fmt: skip


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A thousand short passages with three typed columns, and a search that goes through all of them."""
    folder = tmp_path_factory.mktemp("typed")
    lines = [
        {
            "_id": f"p{n}",
            "title": "",
            "text": f"{WORDS[n % 7]} {WORDS[n % 5]}",
            "metadata": {"number": n, "even": n % 2 == 0, "tenth": str(n % 10)},
        }
        for n in range(COUNT)
    ]
    (folder / "corpus.jsonl").write_bytes(b"\n".join(map(orjson.dumps, lines)))
    columns = {"number": "integer", "even": "boolean", "tenth": "string"}
    config = IndexConfig.model_validate({"corpus": {"metadata": columns}, "sparse": {"engine": "bm25s"}})
    build(open_corpus(str(folder / "corpus.jsonl"), config.corpus), folder / "index", config)
    with Engine.open(folder / "index", PipelineConfig(sparse_depth=COUNT, dense_depth=COUNT)) as engine:
        yield engine


@pytest.fixture(scope="module")
def client(engine: Engine) -> Iterator[httpx.Client]:
    with running(create_app({"typed": engine}, ServiceConfig())) as url, httpx.Client(base_url=url) as client:
        yield client


@pytest.mark.parametrize("share", FILTERS)
def test_each_arm_finds_what_is_left_of_its_exhaustive_ranking(
    share: float, engine: Engine, client: httpx.Client
) -> None:
    """Hits and scores are those of reciprocal ranks counted among the allowed passages of the exhaustive rankings."""
    body = client.post("/v1/search", json={"query": QUERY, "k": COUNT, "filter": FILTERS[share]}).json()
    SearchResponse.model_validate(body)
    mask = engine.selections.of(FILTERS[share])
    assert mask.sum() == share * COUNT
    fused = np.zeros(COUNT)
    for name, retriever in engine.pipeline.retrievers.items():
        rows = retriever.retrieve([Query("q", QUERY)], COUNT)[0].rows
        left = rows[mask[rows]]
        fused[left] += 1 / (60 + np.arange(1, len(left) + 1))
        ranked = sorted((hit["stages"][name]["rank"], hit["docid"]) for hit in body["hits"] if hit["stages"][name])
        assert [docid for _, docid in ranked] == engine.index.passages.ids_of(left)
    expected = sorted(np.flatnonzero(fused), key=lambda row: (-np.float32(fused[row]), f"p{row}"))
    assert [hit["docid"] for hit in body["hits"]] == [f"p{row}" for row in expected]
    assert [hit["score"] for hit in body["hits"]] == pytest.approx([fused[row] for row in expected], rel=1e-6)


def test_python_and_msearch_and_http_agree(engine: Engine, client: httpx.Client) -> None:
    many = client.post("/v1/msearch", json={"queries": [QUERY, "tree"], "filter": FILTERS[0.01]}).json()
    for query, answer in zip((QUERY, "tree"), many["responses"], strict=True):
        hits = engine.search(query, filter=FILTERS[0.01]).hits
        assert [(hit["docid"], hit["score"]) for hit in answer["hits"]] == [(hit.id, hit.score) for hit in hits]
        assert len(hits) == 10 and all(100 <= hit.metadata["number"] < 120 for hit in hits)  # type: ignore[operator]


def test_a_filter_that_nothing_fulfils_finds_nothing(client: httpx.Client) -> None:
    nobody = {"type": "eq", "field": "number", "value": -1}
    answer = client.post("/v1/search", json={"query": QUERY, "filter": nobody})
    assert answer.status_code == 200 and answer.json()["hits"] == []


@pytest.mark.parametrize(
    ("asked", "code", "said"),
    [
        ({"type": "eq", "field": "nmber", "value": 1}, "invalid_filter", "did you mean 'number'"),
        ({"type": "eq", "field": "number", "value": "1"}, "invalid_filter", "of kind integer"),
        ({"type": "like", "field": "number", "value": 1}, "wrong_type", "'eq', 'in', 'range', 'and', 'or', 'not'"),
        ({"type": "range", "field": "number"}, "wrong_type", "one of gt, gte, lt, lte"),
        ({"type": "eq", "field": "number"}, "missing_field", "filter.eq.value"),
        ({"type": "eq", "field": "number", "value": 1, "x": 1}, "unknown_field", "filter.eq.x"),
    ],
)
def test_a_wrong_filter_is_explained(client: httpx.Client, asked: object, code: str, said: str) -> None:
    answer = client.post("/v1/search", json={"query": QUERY, "filter": asked})
    error = ErrorEnvelope.model_validate(answer.json()).error
    assert (answer.status_code, error.code) == (400, code)
    assert said in error.message


def test_info_lists_the_columns(client: httpx.Client) -> None:
    columns = client.get("/v1/info").json()["indexes"][0]["columns"]
    assert columns == {"number": "integer", "even": "boolean", "tenth": "string"}


def test_weights_of_a_request_are_those_of_such_a_pipeline(engine: Engine, client: httpx.Client) -> None:
    body = {"query": QUERY, "k": 50, "weights": {"sparse": 0.2}, "explain": True}
    answer = client.post("/v1/search", json=body).json()
    config = engine.config.model_copy(update={"weights": {"sparse": 0.2, "dense": 1.0}})
    other = Engine(engine.index, config)
    expected = [(hit.id, hit.score) for hit in other.search(QUERY, 50).hits]
    assert [(hit["docid"], hit["score"]) for hit in answer["hits"]] == expected
    assert answer["pipeline"] == config.model_dump(mode="json")
    assert expected != [(hit.id, hit.score) for hit in engine.search(QUERY, 50).hits]


@pytest.mark.parametrize("weights", [{"sparse": -1}, {"spares": 1}])
def test_weights_that_do_not_fit_are_refused(engine: Engine, client: httpx.Client, weights: dict[str, float]) -> None:
    answer = client.post("/v1/search", json={"query": QUERY, "weights": weights})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "weights")
    with pytest.raises(InvalidInput, match="weights"):
        engine.search(QUERY, weights=weights)


def test_a_full_reranker_refuses_at_once(tiny_index: Path, cross_encoder: str) -> None:
    """While one search is read, another that does not fit beside it gets 429; then there is room again."""
    config = PipelineConfig(rerank=cross_encoder, rerank_depth=200)
    with Engine.open(tiny_index, config, most_waiting=1) as engine:
        reader = next(iter(engine.readers.values()))
        asking = [("sort a list", "text")] * 2
        begun, go_on = threading.Event(), threading.Event()

        def hold() -> bool:
            begun.set()
            go_on.wait(30)
            return False

        holding = threading.Thread(target=lambda: reader.score_pairs(asking * 50, hold))
        with running(create_app({"tiny": engine}, ServiceConfig())) as url:
            holding.start()
            assert begun.wait(30)
            refused = httpx.post(f"{url}/v1/search", json={"query": QUERY})
            ready = httpx.get(f"{url}/readyz")
            go_on.set()
            holding.join(30)
            answered = httpx.post(f"{url}/v1/search", json={"query": QUERY})
            counted = httpx.get(f"{url}/metrics").text
            reader.close()
            time.sleep(1.1)  # what was found before is good for a second
            lost = httpx.get(f"{url}/readyz")
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "overloaded")
    assert refused.headers["Retry-After"] == "1" and "tokens" in refused.json()["error"]["message"]
    assert ready.status_code == answered.status_code == 200
    assert 'tamis_rejected_total{reason="tokens_full"} 1.0' in counted
    assert lost.status_code == 503 and "reranker" in lost.json()["reasons"][0]
