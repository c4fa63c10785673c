"""Pipelines by name: several paths of a query over one open index."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tamis.errors import NotFound
from tamis.rankers.config import PipelineConfig
from tamis.rankers.engine import Engine
from tamis.service.app import create_app
from tamis.service.config import ServiceConfig
from tamis.service.error_schemas import ErrorEnvelope
from tamis.service.info_schemas import Info
from tamis.service.schemas import SearchResponse

from .conftest import Start


@pytest.fixture(scope="module")
def engine(tiny_engine: Engine, cross_encoder: str) -> Iterator[Engine]:
    """The small index with four pipelines, two of which read with the same model."""
    reading = PipelineConfig(rerank=cross_encoder, rerank_depth=20)
    pipelines = {
        "words": PipelineConfig(retrievers=("sparse",)),
        "read": reading,
        "read-5": reading.model_copy(update={"rerank_depth": 5}),
    }
    yield Engine(tiny_engine.index, tiny_engine.config, pipelines=pipelines)


@pytest.fixture
def client(start: Start, engine: Engine) -> Iterator[httpx.Client]:
    """A client of a service with that index."""
    with httpx.Client(base_url=start(create_app({"tiny": engine}, ServiceConfig()))) as client:
        yield client


def test_each_name_gives_its_own_stages(client: httpx.Client, engine: Engine) -> None:
    """Ids and scores over HTTP are those of the pipeline of that name, and explain shows its configuration."""
    for name, stages in {
        "default": ["sparse", "dense", "fused"],
        "words": ["sparse", "fused"],
        "read": ["sparse", "dense", "fused", "rerank"],
    }.items():
        body = client.post("/v1/search", json={"query": "sort a list", "pipeline": name, "explain": True}).json()
        SearchResponse.model_validate(body)
        assert [list(hit["stages"]) for hit in body["hits"]] == [stages] * 10
        assert body["pipeline"] == engine.configs[name].model_dump(mode="json")
        expected = engine.search("sort a list", 10, name)
        assert [(hit["docid"], hit["score"]) for hit in body["hits"]] == [(hit.id, hit.score) for hit in expected.hits]


def test_no_name_is_the_default_one(client: httpx.Client) -> None:
    bodies = [{"query": "random"}, {"query": "random", "pipeline": "default"}]
    first, second = (client.post("/v1/search", json=body).json()["hits"] for body in bodies)
    assert first == second


def test_a_name_that_nobody_has_is_404(client: httpx.Client) -> None:
    response = client.post("/v1/search", json={"query": "random", "pipeline": "word"})
    error = ErrorEnvelope.model_validate(response.json()).error
    assert (response.status_code, error.code, error.param) == (404, "unknown_pipeline", "pipeline")
    assert "did you mean 'words'?" in error.message


def test_info_lists_them(client: httpx.Client, engine: Engine) -> None:
    body = client.get("/v1/info").json()
    Info.model_validate(body)
    assert list(body["indexes"][0]["pipelines"]) == ["default", "words", "read", "read-5"]


def test_two_that_name_one_model_share_it(engine: Engine) -> None:
    readers = [engine.named(name).rerank for name in ("read", "read-5")]
    assert readers[0] is not None and readers[1] is not None
    assert readers[0].scorer is readers[1].scorer  # type: ignore[attr-defined]


def test_the_engine_names_the_nearest(engine: Engine) -> None:
    with pytest.raises(NotFound, match="did you mean 'read-5'"):
        engine.search("x", pipeline="read_5")
