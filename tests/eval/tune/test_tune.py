"""`tamis tune` from end to end, on real indexes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import orjson
import pytest
import typer
from typer.testing import CliRunner, Result

from tamis.cli.tune import tune
from tamis.config import load_config
from tamis.errors import InvalidInput, NotFound
from tamis.eval.judged import read_judged
from tamis.eval.measures import parse_measure, score_run
from tamis.eval.trec import Run, strictly_decreasing
from tamis.rankers.config import PipelineConfig
from tamis.rankers.engine import Engine

APP = typer.Typer()
APP.command()(tune)


def ask(index: Path, collection: Path, out: Path, *options: str, p95: str = "60s") -> Result:
    """Run the command as a person does, with a target that is never missed."""
    arguments = [str(index), str(collection), "--p95", p95, "--out", str(out), "--least-depth", "10", *options]
    return CliRunner().invoke(APP, arguments, catch_exceptions=False)


def settings(trials: list[dict[str, object]]) -> list[tuple[object, object]]:
    return [(trial["config"], trial["fit"]) for trial in trials]


def misled(folder: Path, seed: int = 1) -> list[str]:
    """Options that tune a pipeline which trusts the arm that misleads."""
    config = folder / "misled.toml"
    config.write_text("[pipeline]\nweights = { sparse = 0.4, dense = 1.0 }\n")
    return ["--config", str(config), "--confirm", "test", "--trials", "40", "--seed", str(seed)]


@pytest.fixture(scope="module")
def tuned(planted: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tuning where words find the answer and meaning misleads."""
    out = tmp_path_factory.mktemp("tuned") / "words"
    found = ask(*planted, out, *misled(out.parent))
    assert found.exit_code == 0
    assert "The tuned pipeline is written." in found.stdout
    return out


def test_the_arm_that_misleads_loses_its_weight(tuned: Path, planted: tuple[Path, Path]) -> None:
    tuning = orjson.loads((tuned / "tuning.json").read_bytes())
    assert tuning["verdict"]["kind"] == "better"
    chosen = tuning["chosen"]
    assert chosen["retrievers"] == ["sparse"] or chosen["weights"]["sparse"] > chosen["weights"]["dense"]
    confirmed = tuning["confirmation"]
    assert confirmed["tuned"]["mean"] > 0.99
    assert confirmed["default"]["mean"] < 0.95
    assert confirmed["comparison"]["interval"]["low"] > 0


def test_the_file_is_the_pipeline_that_was_confirmed(tuned: Path, planted: tuple[Path, Path]) -> None:
    """Opened from `pipeline.toml` by an engine of its own, scored here from its answers."""
    index, collection = planted
    tuning = orjson.loads((tuned / "tuning.json").read_bytes())
    config = load_config(tuned / "pipeline.toml", environment={}).pipeline
    assert config.model_dump(mode="json") == tuning["chosen"]
    judged = read_judged(str(collection), "test")
    with Engine.open(index, config) as engine:
        answers = engine.pipeline.run(judged.queries).rankings
        ids = engine.index.passages.ids_of
        run = Run({
            query.id: (ids(answer.rows), strictly_decreasing(answer.scores))
            for query, answer in zip(judged.queries, answers, strict=True)
        })  # fmt: skip
    values = score_run(run, judged.qrels, list(judged.qrels), [parse_measure("nDCG@10")])["nDCG@10"]
    assert np.mean(values) == pytest.approx(tuning["confirmation"]["tuned"]["mean"], abs=1e-12)


def test_remarks_and_pictures_say_what_it_is_worth(tuned: Path) -> None:
    text = (tuned / "pipeline.toml").read_text()
    assert "# Tuned on 60 queries of words/train: 40 trials, seed 1." in text
    assert "# On 30 held-out queries of words/test: nDCG@10" in text
    assert "tuned is better than default by nDCG@10" in text
    assert (tuned / "pareto.png").read_bytes().startswith(b"\x89PNG")
    svg = (tuned / "pareto.svg").read_text()
    assert svg.lstrip().startswith("<?xml")
    tuning = orjson.loads((tuned / "tuning.json").read_bytes())
    assert len(tuning["trials"]) == 40
    assert tuning["front"]
    assert all(0 <= place < len(tuning["measured"]) for place in tuning["front"])
    assert (tuning["training"]["fitted"], tuning["training"]["choosing"]) == (40, 20)


@pytest.mark.slow
def test_the_same_seed_tries_and_chooses_the_same(tuned: Path, planted: tuple[Path, Path], tmp_path: Path) -> None:
    found = ask(*planted, tmp_path / "again", *misled(tmp_path), "--json")
    first, again = orjson.loads((tuned / "tuning.json").read_bytes()), orjson.loads(found.stdout)
    assert settings(first["trials"]) == settings(again["trials"])
    other = ask(*planted, tmp_path / "other", *misled(tmp_path, seed=2), "--json")
    assert settings(first["trials"]) != settings(orjson.loads(other.stdout)["trials"])


def test_without_a_split_that_confirms_a_third_is_set_aside_and_a_default_that_is_best_stays(
    tiny_index: Path, titles: Path, tmp_path: Path
) -> None:
    """One trial: the default itself."""
    found = ask(tiny_index, titles, tmp_path, "--trials", "1", "--measure", "RR@10")
    assert "it stays" in found.stdout
    assert "a third of 'train' was set aside" in found.stderr
    assert load_config(tmp_path / "pipeline.toml", environment={}).pipeline == PipelineConfig()
    assert orjson.loads((tmp_path / "tuning.json").read_bytes())["confirmation"]["comparison"] is None


def test_a_target_that_nothing_reaches_names_the_fastest(tiny_index: Path, titles: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"no pipeline .* p95 of 0\.001 ms .* fastest found \(.*\) needs .* ask for"):
        ask(tiny_index, titles, tmp_path, p95="0.001ms")
    assert not (tmp_path / "pipeline.toml").exists()


@pytest.mark.parametrize(
    ("options", "p95", "error", "message"),
    [
        ((), "80", InvalidInput, "such as 80ms"),
        (("--confirm", "train"), "1s", InvalidInput, "cannot be confirmed on them"),
        (("--split", "few"), "1s", InvalidInput, "needs 40 or more"),
        (("--split", "dev"), "1s", NotFound, "dev"),
        (("--measure", "nDGC@10"), "1s", InvalidInput, "unknown measure"),
        (("--pipeline", "fast"), "1s", NotFound, "no pipeline 'fast'"),
    ],
)
def test_bad_input_is_refused_before_anything_is_written(
    options: tuple[str, ...],
    p95: str,
    error: type[Exception],
    message: str,
    tiny_index: Path,
    titles: Path,
    tmp_path: Path,
) -> None:
    with pytest.raises(error, match=message):
        ask(tiny_index, titles, tmp_path / "out", *options, p95=p95)
    assert not (tmp_path / "out").exists()


def test_a_pipeline_over_two_tiers_is_refused(tiny_index: Path, titles: Path, tmp_path: Path) -> None:
    (tmp_path / "tiers.toml").write_text('[pipeline]\ncold = "always"\n')
    with pytest.raises(InvalidInput, match="tamis prune gate"):
        ask(tiny_index, titles, tmp_path / "out", "--config", str(tmp_path / "tiers.toml"))


def test_an_index_of_another_collection_is_refused(planted: tuple[Path, Path], titles: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="another collection"):
        ask(planted[0], titles, tmp_path)


@pytest.mark.slow
def test_killed_in_the_middle_it_goes_on_where_it_was(tuned: Path, planted: tuple[Path, Path], tmp_path: Path) -> None:
    code = "import typer; from tamis.cli.tune import tune; typer.run(tune)"
    options = ["--p95", "60s", "--out", str(tmp_path), "--least-depth", "10", *misled(tmp_path)]
    process = subprocess.Popen([sys.executable, "-c", code, *map(str, planted), *options])
    tried = tmp_path / "trials.jsonl"
    while process.poll() is None and not (tried.exists() and tried.read_bytes().count(b"\n") > 12):
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    before = tried.read_bytes()
    assert not (tmp_path / "tuning.json").exists()
    found = ask(*planted, tmp_path, *misled(tmp_path), "--json")
    assert tried.read_bytes().startswith(before[: before.rindex(b"\n") + 1])
    first = orjson.loads((tuned / "tuning.json").read_bytes())
    assert settings(orjson.loads(found.stdout)["trials"]) == settings(first["trials"])
