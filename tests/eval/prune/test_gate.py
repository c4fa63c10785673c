"""Thresholds by hand, and what asking the cold tier is worth against asking it for real."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import orjson
import pytest

from tamis.errors import InvalidInput
from tamis.eval.judged import Judged, read_judged, without_excluded
from tamis.eval.measures import parse_measure, score_run
from tamis.eval.prune.gate import Gated, answer_by_tiers, threshold
from tamis.eval.trec import Run, untied
from tamis.rankers.config import PipelineConfig
from tamis.rankers.engine import Engine

MEASURES = [parse_measure("nDCG@10"), parse_measure("R@100")]


def test_the_threshold_lies_between_two_queries() -> None:
    gaps = np.array([0.4, 0.1, 0.3, 0.2])
    assert [threshold(gaps, share) for share in (0.25, 0.5, 0.75)] == pytest.approx([0.15, 0.25, 0.35])
    assert (gaps < threshold(gaps, 0)).sum() == 0
    assert (gaps < threshold(gaps, 1)).sum() == 4


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(InvalidInput, match="from 0 to 1"):
        threshold(np.array([0.1]), share)
    with pytest.raises(InvalidInput, match="no queries"):
        threshold(np.array([]), 0.5)


def test_those_who_ask_have_what_both_tiers_find() -> None:
    gated = Gated(np.array([0.3, 0.1, 0.2]), {"m": np.array([0.5, 0.0, 0.25])}, {"m": np.array([1.0, 0.75, 0.0])})
    found = gated.at(1 / 3)
    assert (found.share, found.below) == pytest.approx((1 / 3, 0.15))
    assert found.means["m"] == pytest.approx((0.5 + 0.75 + 0.25) / 3)


@pytest.fixture(scope="module")
def judged(asked: Path) -> Judged:
    return read_judged(str(asked), "test")


def test_what_is_told_of_a_threshold_is_what_a_pipeline_with_it_reaches(tiered_index: Path, judged: Judged) -> None:
    with Engine.open(tiered_index, PipelineConfig(cold="always")) as engine:
        gated = answer_by_tiers(engine, engine.pipeline, judged, MEASURES, lambda done: None)
    told = gated.at(0.3)
    with Engine.open(tiered_index, PipelineConfig(cold="unsure", cold_below=told.below)) as engine:
        answer = engine.pipeline.run(judged.queries)
        rankings = {
            query.id: (engine.index.passages.ids_of(one.rows), one.scores)
            for query, one in zip(judged.queries, answer.rankings, strict=True)
        }
    assert np.mean([one.asked for one in answer.cold]) == told.share == pytest.approx(0.3, abs=0.01)
    run = untied(without_excluded(Run(rankings), judged))
    values = score_run(run, judged.qrels, [query.id for query in judged.queries], MEASURES)
    assert {name: value.mean() for name, value in values.items()} == pytest.approx(told.means)
    assert gated.hot["R@100"].mean() < told.means["R@100"] < gated.both["R@100"].mean()


def test_a_pipeline_that_never_asks_has_no_gate_to_choose(tiered_index: Path, judged: Judged) -> None:
    with Engine.open(tiered_index) as engine, pytest.raises(InvalidInput, match='cold = "always"'):
        answer_by_tiers(engine, engine.pipeline, judged, MEASURES, lambda done: None)


def test_the_command_says_what_to_write_into_the_configuration(
    tiered_index: Path, tiny_index: Path, asked: Path, tmp_path: Path
) -> None:
    def run(index: Path, *options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tamis.cli", "prune", "gate", str(index), str(asked), "--split", "test"]
        return subprocess.run([*command, *options], capture_output=True, text=True, check=False)

    done = run(tiered_index, "--share", "0.25", "--json")
    assert done.returncode == 0, done.stderr
    found = orjson.loads(done.stdout)
    shown = run(tiered_index, "--share", "0.25").stdout
    written = tomllib.loads(shown[shown.index("[pipeline]") :])
    assert PipelineConfig.model_validate(written["pipeline"]).cold_below == found["cold_below"]
    assert next(one for one in found["shares"] if one["below"] == pytest.approx(found["cold_below"], abs=1e-4))[
        "share"
    ] == pytest.approx(0.25, abs=0.01)
    refused = run(tiny_index)
    assert refused.returncode != 0 and "no cold tier" in refused.stderr and "Traceback" not in refused.stderr


def test_build_and_inspect_from_the_command_line(asked: Path, tmp_path: Path) -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tamis.cli", "index", *words]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    corpus = tmp_path / "corpus.jsonl"
    corpus.write_bytes(b"".join((asked / "corpus.jsonl").read_bytes().splitlines(keepends=True)[:40]))
    out = str(tmp_path / "index")
    refused = run("build", str(corpus), "--out", out, "--cold")
    assert refused.returncode != 0 and "quality.cold" in refused.stderr and "Traceback" not in refused.stderr
    built = run("build", str(corpus), "--out", out, "--cold", "--prune", "0.25", "--sparse", "bm25s")
    assert built.returncode == 0 and "40 passages (10 in a cold tier)" in built.stderr, built.stderr
    assert "10 in a cold tier" in " ".join(run("inspect", out).stdout.split())
    assert run("verify", out).returncode == 0
    assert len(orjson.loads(run("pruned", out, "--json").stdout)) == 10
