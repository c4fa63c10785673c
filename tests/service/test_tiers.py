"""A service over two tiers says of every answer whether the cold one was asked, and so does its client."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import tamis
from tamis.indexer.versions import IndexFolder
from tamis.rankers.config import PipelineConfig
from tamis.rankers.engine import Engine
from tamis.rankers.hits import ColdDecision
from tamis.service.app import create_app
from tamis.service.config import ServiceConfig
from tamis.service.schemas import ExplainResponse, MultiSearchResponse, SearchResponse
from tamis.service.source import Source, TrialFailed

from .conftest import running

TEXTS = ["how do I sort a list in place", "median of some numbers", "copy a whole folder", "xyzzy"]
PIPELINES = {"unsure": PipelineConfig(cold="unsure", cold_below=0.25), "always": PipelineConfig(cold="always")}


@pytest.fixture(scope="module")
def engine(tiered_index: Path) -> Iterator[Engine]:
    with Engine.open(tiered_index, PipelineConfig(), pipelines=PIPELINES) as engine:
        yield engine


@pytest.fixture(scope="module")
def served(engine: Engine) -> Iterator[str]:
    with running(create_app({"tiered": engine}, ServiceConfig())) as url:
        yield url


@pytest.mark.parametrize("pipeline", [None, *PIPELINES])
def test_answers_are_the_engines_and_say_what_was_decided(served: str, engine: Engine, pipeline: str | None) -> None:
    for text in TEXTS:
        body = httpx.post(f"{served}/v1/search", json={"query": text, "k": 50, "pipeline": pipeline}).json()
        SearchResponse.model_validate(body)
        expected = engine.search(text, 50, pipeline)
        assert [(hit["docid"], hit["score"]) for hit in body["hits"]] == [(hit.id, hit.score) for hit in expected.hits]
        if pipeline is None:
            assert "cold" not in body and "cold" not in body["timings_ms"]
        else:
            assert ColdDecision(**body["cold"]) == expected.cold
            assert "cold" in body["timings_ms"]


def test_the_threshold_divides_these_queries(engine: Engine) -> None:
    assert {one.cold.asked for one in engine.search_many(TEXTS, 1, "unsure") if one.cold} == {True, False}


def test_each_of_many_says_it_for_itself_and_a_fusion_for_all(served: str, engine: Engine) -> None:
    asked = {"queries": TEXTS, "k": 5, "pipeline": "unsure"}
    body = httpx.post(f"{served}/v1/msearch", json=asked).json()
    MultiSearchResponse.model_validate(body)
    expected = [one.cold for one in engine.search_many(TEXTS, 5, "unsure")]
    assert [ColdDecision(**one["cold"]) for one in body["responses"]] == expected
    fused = httpx.post(f"{served}/v1/msearch", json={**asked, "fuse": True}).json()
    MultiSearchResponse.model_validate(fused)
    assert fused["responses"][0]["cold"]["reason"].endswith("of 4 queries")


def test_an_explanation_names_the_tier(served: str, engine: Engine) -> None:
    assert engine.index.cold is not None
    id_ = engine.index.passages.id_of(int(engine.index.cold.dense.rows[3]))
    for pipeline in (None, "always"):
        asked = {"query": engine.fetch(id_).contents, "docid": id_, "pipeline": pipeline}
        body = httpx.post(f"{served}/v1/explain", json=asked).json()
        ExplainResponse.model_validate(body)
        assert body["tier"] == "cold"
        assert (body["cold"] is None) == (pipeline is None)
        assert (body["rank"] is None) == (pipeline is None)


def test_a_version_without_a_cold_tier_fails_its_trial(restored_index: Path) -> None:
    """So that what was served before is served on."""
    folder = IndexFolder(restored_index)
    source = Source(restored_index, PIPELINES["always"])
    source.try_out(folder.versions()[0])
    with pytest.raises(TrialFailed, match="has no cold tier"):
        source.try_out(folder.current().name)


def test_the_client_gives_what_the_engine_gives(served: str, engine: Engine) -> None:
    id_ = engine.search(TEXTS[0], 1).hits[0].id
    with tamis.open(served) as client:
        for text in TEXTS:
            found, expected = client.search(text, 5, pipeline="unsure"), engine.search(text, 5, "unsure")
            assert found.hits == expected.hits and found.cold == expected.cold
        assert client.search(TEXTS[0], 5).cold is None
        assert client.explain(TEXTS[0], id_, pipeline="always") == engine.explain(TEXTS[0], id_, "always")
