from __future__ import annotations

from pathlib import Path

import numpy as np
import orjson
import pytest

from tamis.errors import InvalidInput
from tamis.eval.ablate import ablate
from tamis.eval.evaluation import evaluate
from tamis.eval.judged import Judged
from tamis.eval.measures import parse_measure
from tamis.eval.runs import BATCH
from tamis.eval.shared import SharedBatch
from tamis.indexer.progress import Quiet
from tamis.rankers.config import PipelineConfig
from tamis.rankers.engine import Engine
from tamis.rankers.variants import ablations, without

pytestmark = pytest.mark.usefixtures("few_timed")

MEASURES = [parse_measure("nDCG@10"), parse_measure("RR@10")]


@pytest.fixture(scope="module")
def out(few_timed: None, whole_engine: Engine, tiny_judged: Judged, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an ablation of the pipeline with every stage."""
    folder = tmp_path_factory.mktemp("ablation")
    ablate(whole_engine, tiny_judged, folder, MEASURES, Quiet(), measure="nDCG@10", pipeline="whole")
    return folder


def test_each_variants_run_is_byte_for_byte_that_of_evaluating_it_alone(
    out: Path, whole_engine: Engine, tiny_judged: Judged, tmp_path: Path
) -> None:
    full, variants = whole_engine.pipeline, ablations(whole_engine.pipeline)
    assert len(variants) == 8
    try:
        for variant in variants:
            alone = tmp_path / variant.name
            whole_engine.pipeline = without(full, variant.without)
            config, whole_engine.config = whole_engine.config, without(whole_engine.config, variant.without)
            evaluate(whole_engine, tiny_judged, alone, MEASURES, Quiet(), name=variant.name, without=variant.without)
            whole_engine.config = config
            for file in ("run.trec", "relevant.json"):
                assert (alone / file).read_bytes() == (out / variant.name / file).read_bytes(), (variant, file)
            one, other = (
                orjson.loads((folder / "metrics.json").read_bytes()) for folder in (alone, out / variant.name)
            )
            assert one["measures"] == other["measures"]
            assert one["fingerprints"] == other["fingerprints"]
            assert one["pipeline"] == {**other["pipeline"], "name": "default"}
            assert one["cost"]["passages_scored"] == other["cost"]["passages_scored"]
    finally:
        whole_engine.pipeline = full


def test_the_runs_of_variants_differ(out: Path, whole_engine: Engine) -> None:
    """So that equality above means something."""
    runs = {(out / variant.name / "run.trec").read_bytes() for variant in ablations(whole_engine.pipeline)}
    assert len(runs) == 8


def test_ablation_json_holds_means_gains_and_verdicts(out: Path) -> None:
    content = orjson.loads((out / "ablation.json").read_bytes())
    assert (content["measure"], content["baseline"]) == ("nDCG@10", "full")
    means = {one["name"]: one["mean"] for one in content["variants"]}
    assert next(iter(means)) == "full"
    for one in content["variants"]:
        assert one["interval"][0] <= one["mean"] <= one["interval"][1]
        assert one["ms_p50"] > 0
    assert [one["stage"] for one in content["verdicts"]] == ["sparse", "dense", "blend", "rerank"]
    ms = {one["name"]: one["ms_p50"] for one in content["variants"]}
    for one in content["verdicts"]:
        assert one["gain"] == pytest.approx(means["full"] - means[f"without-{one['stage']}"])
        assert one["ms"] == pytest.approx(ms["full"] - ms[f"without-{one['stage']}"])
        assert one["verdict"] in ("keep", "drop", "undecided")
        assert one["sentence"]


def test_what_variants_share_is_done_once(whole_engine: Engine, tiny_judged: Judged) -> None:
    """Two fused lists and each arm alone lead to 3 blends; blends, and the fused list, to 4 rerankings."""
    pipeline = whole_engine.pipeline
    batch = tiny_judged.queries[:BATCH]
    shared = SharedBatch(whole_engine.index.encoder, batch)
    blend, rerank = pipeline.blend, pipeline.rerank
    before = blend.calls, rerank.calls  # type: ignore[union-attr]
    for variant in ablations(pipeline):
        alone = without(pipeline, variant.without)
        answer, spent = shared.answer(alone)
        expected = alone.run(batch) if variant.name in ("sparse-alone", "dense-alone") else None
        for number in range(len(batch)) if expected else ():
            assert expected is not None
            assert answer.rankings[number].rows.tolist() == expected.rankings[number].rows.tolist()
        assert spent.cpu_seconds > 0
        assert list(answer.stages) == [*alone.retrievers, "fused", *alone.rescorers]
    assert (blend.calls - before[0], rerank.calls - before[1]) == (3, 4)  # type: ignore[union-attr]


def test_it_goes_on_where_each_variant_was(
    out: Path, whole_engine: Engine, tiny_judged: Judged, tmp_path: Path
) -> None:
    """Variants that stopped at different places end as if nothing had happened."""
    for number, variant in enumerate(ablations(whole_engine.pipeline)):
        (tmp_path / variant.name).mkdir()
        lines = (out / variant.name / "rankings.jsonl").read_bytes().splitlines(keepends=True)
        (tmp_path / variant.name / "rankings.jsonl").write_bytes(b"".join(lines[: 5 * number])[:-2])
    ablate(whole_engine, tiny_judged, tmp_path, MEASURES, Quiet(), measure="nDCG@10", pipeline="whole")
    for variant in ablations(whole_engine.pipeline):
        for file in ("run.trec", "relevant.json"):
            assert (tmp_path / variant.name / file).read_bytes() == (out / variant.name / file).read_bytes()


def test_a_pipeline_of_one_stage_has_nothing_to_take_out(tiny_index: Path, tiny_judged: Judged, tmp_path: Path) -> None:
    with (
        Engine.open(tiny_index, PipelineConfig(retrievers=("sparse",))) as engine,
        pytest.raises(InvalidInput, match="one stage, sparse: nothing can be taken out"),
    ):
        ablate(engine, tiny_judged, tmp_path / "none", MEASURES, Quiet(), measure="nDCG@10")
    assert not (tmp_path / "none").exists()


def test_without_rescorers_an_arm_alone_is_the_counterpart_of_the_other(
    tiny_engine: Engine, tiny_judged: Judged, tmp_path: Path
) -> None:
    found = ablate(tiny_engine, tiny_judged, tmp_path, MEASURES, Quiet(), measure="RR@10")
    assert list(found.variants) == ["full", "sparse-alone", "dense-alone"]
    values = {name: metrics.values["RR@10"] for name, metrics in found.variants.items()}
    gains = {one.stage: one.gain for one in found.verdicts}
    assert gains["dense"] == pytest.approx(np.mean(values["full"] - values["sparse-alone"]))
    assert gains["sparse"] == pytest.approx(np.mean(values["full"] - values["dense-alone"]))
