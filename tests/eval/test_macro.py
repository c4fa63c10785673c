"""The macro average, and what it says of BRIGHT's twelve domains."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest
import typer
from typer.testing import CliRunner

from tamis.cli.collections import followir, macro, pool
from tamis.errors import InvalidInput, NotFound
from tamis.eval.formats.bright import DOMAINS
from tamis.eval.macro import macro_average
from tamis.eval.metrics import Metrics


def metrics(collection: str, split: str, *values: float, measures: tuple[str, ...] = ("nDCG@10",)) -> Metrics:
    queries = [str(number) for number in range(len(values))]
    return Metrics("system", collection, split, queries, {name: np.array(values) for name in measures})


def test_each_collection_counts_the_same() -> None:
    """Means 1/4 of four queries and 1 of one: (1/4 + 1) / 2, where the mean over queries would be 2/5."""
    found = macro_average([metrics("a", "test", 1, 0, 0, 0), metrics("b", "test", 1)])
    assert found.average == {"nDCG@10": (1 / 4 + 1) / 2}
    assert [(row.collection, row.queries, row.means["nDCG@10"]) for row in found.rows] == [("a", 4, 0.25), ("b", 1, 1)]
    assert (found.missing, found.warnings) == ((), ())


def test_bright_names_the_domains_that_are_missing() -> None:
    twelve = [metrics("BRIGHT", domain, number / 12) for number, domain in enumerate(DOMAINS)]
    whole = macro_average(twelve)
    assert whole.average["nDCG@10"] == pytest.approx(sum(range(12)) / 12 / 12) and not whole.warnings
    part = macro_average(twelve[:10])
    assert part.missing == ("theoremqa_questions", "theoremqa_theorems")
    assert part.warnings == ("2 of BRIGHT's 12 domains are missing: theoremqa_questions, theoremqa_theorems",)
    mixed = macro_average([*twelve[:11], metrics("BRIGHT", "theoremqa_theorems@gpt4_reason", 0)])
    assert "queries or documents differ: " in mixed.warnings[0] and not mixed.missing


def test_what_cannot_be_averaged_is_refused() -> None:
    with pytest.raises(InvalidInput, match="one evaluation or more"):
        macro_average([])
    with pytest.raises(InvalidInput, match="a, test is there 2 times"):
        macro_average([metrics("a", "test", 1), metrics("a", "test", 0)])
    with pytest.raises(InvalidInput, match=r"no measure is in all evaluations; the first has nDCG@10"):
        macro_average([metrics("a", "test", 1), metrics("b", "test", 0, measures=("AP",))])


def test_only_measures_that_all_have_are_averaged() -> None:
    both = metrics("a", "test", 1, measures=("nDCG@10", "AP"))
    assert list(macro_average([both, metrics("b", "test", 0, measures=("AP",))]).average) == ["AP"]


def test_different_systems_are_noted() -> None:
    """Index and collection differ by nature; pipelines and models should not."""
    one, two = (
        Metrics("system", name, "test", ["q"], {"AP": np.ones(1)}, fingerprints={"index": name, "encoder_model": "m"})
        for name in "ab"
    )
    assert macro_average([one, two]).warnings == ()
    other = replace(two, fingerprints={"index": "b", "encoder_model": "n"})
    assert macro_average([one, other]).warnings == (
        "2 systems of different pipelines or models made these evaluations",
    )


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    app.command()(macro)
    app.command()(pool)
    app.command()(followir)
    return app


def test_commands(app: typer.Typer, tmp_path: Path) -> None:
    """The commands end to end: candidates out, p-MRR of them, and an average of two evaluations."""
    for name, value in (("biology", 0.5), ("pony", 0.1)):
        (tmp_path / name).mkdir()
        metrics("BRIGHT", name, value).write(tmp_path / name)
    done = CliRunner().invoke(app, ["macro", str(tmp_path / "biology"), str(tmp_path / "pony"), "--json"])
    assert done.exit_code == 0
    assert orjson.loads(done.stdout)["average"] == {"nDCG@10": pytest.approx(0.3)}
    assert "10 of BRIGHT's 12 domains are missing" in done.stderr
    done = CliRunner().invoke(app, ["macro", str(tmp_path / "biology"), str(tmp_path / "pony")])
    assert "macro average" in done.stdout and "0.3000" in done.stdout


def test_candidates_as_a_run_that_follows_nothing(app: typer.Typer, tmp_path: Path) -> None:
    """The same candidates for both instructions: p-MRR 0."""
    root = tmp_path / "set"
    for name in ("qrels_og", "qrels_changed"):
        (root / name).mkdir(parents=True)
        (root / name / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\n1\ta\t{int(name == 'qrels_og')}\n1\tb\t1\n")
    question = b'{"_id": "1", "text": "x", "instruction_og": "y", "instruction_changed": "z"}'
    (root / "queries.jsonl").write_bytes(question)
    (root / "top_ranked.jsonl").write_text('{"qid": "1", "pid": "b"}\n{"qid": "1", "pid": "a"}\n')
    out = tmp_path / "pool.trec"
    assert CliRunner().invoke(app, ["pool", str(root), "--out", str(out)]).exit_code == 0
    assert out.read_text().splitlines() == [
        "1-changed Q0 b 1 2.0 pool", "1-changed Q0 a 2 1.0 pool", "1-og Q0 b 1 2.0 pool", "1-og Q0 a 2 1.0 pool",
    ]  # fmt: skip
    done = CliRunner().invoke(app, ["followir", str(out), str(root), "--json"])
    assert orjson.loads(done.stdout) == {"mean": 0.0, "per_pair": {"1": 0.0}, "missing": []}
    done = CliRunner().invoke(app, ["pool", "pydocs", "--out", str(out)])
    assert isinstance(done.exception, NotFound) and "gives no candidates" in str(done.exception)
