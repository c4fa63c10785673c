from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest

from tamis.errors import InvalidInput
from tamis.rankers.config import PipelineConfig
from tamis.rankers.engine import Engine
from tamis.rankers.pipeline import Pipeline
from tamis.rankers.ranking import Candidates, Query
from tamis.rankers.stages import Rescored
from tamis.rankers.variants import STAGES, Variant, ablations, without


class Keeps:
    """A rescorer that keeps scores and order."""

    def __init__(self, name: str) -> None:
        self.name = name

    def rescore(self, queries: object, candidates: list[Candidates], /) -> Rescored:
        """Only record the stage."""
        return Rescored([found.with_stage(self.name) for found in candidates])


def whole(pipeline: Pipeline) -> Pipeline:
    """The same with every stage."""
    depths = {**pipeline.depths, "blend": 9, "rerank": 4}
    models = {"dense": "d", "blend": "b", "rerank": "r"}
    return replace(pipeline, blend=Keeps("blend"), rerank=Keeps("rerank"), depths=depths, models=models)  # type: ignore[arg-type]


def stages(pipeline: Pipeline) -> list[str]:
    """Names of what is there."""
    return [*pipeline.retrievers, *pipeline.rescorers]


def test_any_stages_can_be_taken_out_of_a_pipeline_but_every_retriever(tiny_engine: Engine) -> None:
    full = whole(tiny_engine.pipeline)
    for count in range(len(STAGES) + 1):
        for names in combinations(STAGES, count):
            if {"sparse", "dense"} <= set(names):
                with pytest.raises(InvalidInput, match="no retriever left"):
                    without(full, names)
                continue
            left = without(full, names)
            assert stages(left) == [stage for stage in STAGES if stage not in names]
            assert set(left.models) == {"dense", "blend", "rerank"} - set(names)
            answer = left.run([Query("1", "copy a tree")])
            assert list(answer.stages) == [*left.retrievers, "fused", *left.rescorers]


def test_a_configuration_without_an_arm_makes_the_same_pipeline(tiny_engine: Engine) -> None:
    config = without(PipelineConfig(), ["dense", "rerank", "blend"])
    assert config == PipelineConfig(retrievers=("sparse",))
    assert without(config, ["dense"]) == config, "an empty slot is no error"
    assert without(PipelineConfig(), []) == PipelineConfig()
    with pytest.raises(InvalidInput, match="no retriever left; keep sparse or dense"):
        without(config, ["sparse"])


def test_an_unknown_stage_is_named_with_the_nearest() -> None:
    with pytest.raises(InvalidInput, match="no stage 'rerenk'; did you mean 'rerank'"):
        without(PipelineConfig(), ["rerenk"])
    with pytest.raises(InvalidInput, match="the stages are sparse, dense, blend, rerank"):
        without(PipelineConfig(), ["xyz"])


def test_the_variants_of_an_ablation_differ_and_cover_each_stage(tiny_engine: Engine) -> None:
    full = whole(tiny_engine.pipeline)
    found = ablations(full)
    assert [variant.name for variant in found] == [
        "full", "without-blend", "without-rerank", "without-blend-rerank", "without-sparse", "without-dense",
        "sparse-alone", "dense-alone",
    ]  # fmt: skip
    left = [tuple(stages(without(full, variant.without))) for variant in found]
    assert len(set(left)) == len(left)
    for stage in STAGES:
        assert tuple(name for name in STAGES if name != stage) in left


def test_what_is_not_there_makes_no_variant(tiny_engine: Engine) -> None:
    plain = tiny_engine.pipeline
    assert ablations(plain) == [
        Variant("full"), Variant("sparse-alone", ("dense",)), Variant("dense-alone", ("sparse",)),
    ]  # fmt: skip
    assert ablations(without(plain, ["dense"])) == [Variant("full")]
    one = without(whole(plain), ["sparse", "blend"])
    assert ablations(one) == [Variant("full"), Variant("without-rerank", ("rerank",))]


def test_finishing_what_was_retrieved_is_running(tiny_engine: Engine) -> None:
    """Bit for bit, also when it is done step by step; an answer keeps each stage's rankings."""
    full = whole(tiny_engine.pipeline)
    queries = [Query(str(number), text) for number, text in enumerate(("copy a tree", "median", "xyzzy"))]
    expected = full.run(queries)
    first = full.retrieve(queries)
    found, seconds = first.found, first.seconds
    assert first.cold == [] == expected.cold
    assert set(seconds) == set(found) == {"sparse", "dense"}
    stepwise = full.rescore("rerank", queries, full.rescore("blend", queries, full.fuse(found)))
    for answer in (full.finish(queries, found, seconds), stepwise):
        for one, other in zip(answer.rankings, expected.rankings, strict=True):
            assert one.rows.tolist() == other.rows.tolist()
            assert one.scores.tobytes() == other.scores.tobytes()
            assert list(one.features) == list(other.features)
    assert list(expected.seconds) == ["sparse", "dense", "fusion", "blend", "rerank"]
    assert list(stepwise.seconds) == ["fusion", "blend", "rerank"]
    assert [len(expected.stages[stage][0]) for stage in ("blend", "rerank")] == [9, 4]
    assert expected.stages["rerank"] == expected.rankings
    assert full.run([]).rankings == []
