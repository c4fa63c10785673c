"""A lower precision against the exact model, on judged queries."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tamis.cli.main import app
from tamis.errors import InvalidInput
from tamis.eval.check import check_precision
from tamis.eval.judged import Judged
from tamis.eval.measures import parse_measure
from tamis.eval.trec import Run, write_run
from tamis.indexer.progress import Quiet
from tamis.models.bundle import ModelBundle
from tamis.models.minilm import NAME
from tamis.models.store import resolve_encoder
from tamis.rankers.engine import Engine


@pytest.fixture(scope="module")
def given_run(tiny_engine: Engine, tiny_judged: Judged) -> Run:
    """The sparse arm's first four of each query."""
    lists = tiny_engine.pipeline.retrievers["sparse"].retrieve(tiny_judged.queries, 4)
    ids = tiny_engine.index.passages.ids_of
    return Run({query.id: (ids(one.rows), one.scores) for query, one in zip(tiny_judged.queries, lists, strict=True)})


def test_a_model_is_as_good_as_itself(tiny_judged: Judged, given_run: Run, tmp_path: Path) -> None:
    exact = resolve_encoder(NAME, "fp32")
    measure = parse_measure("nDCG@10")
    found, comparison = check_precision(
        exact, exact, given_run, tiny_judged, tmp_path, measure, Quiet(), run_name="sparse"
    )
    assert (found.difference, found.low, found.high, found.significant_loss) == (0, 0, 0, False)
    assert (found.queries, found.run, found.against) == (len(tiny_judged.queries), "sparse", exact.fingerprint)
    assert comparison.ties == found.queries


def test_only_an_exact_model_is_compared_with(tiny_judged: Judged, given_run: Run, tmp_path: Path) -> None:
    lower = resolve_encoder(NAME, "int8")
    with pytest.raises(InvalidInput, match="int8; a check is against fp32"):
        check_precision(
            lower, lower, given_run, tiny_judged, tmp_path, parse_measure("nDCG@10"), Quiet(), run_name="sparse"
        )


def test_the_command_writes_what_it_found_into_the_bundle(
    given_run: Run, tiny_collection: Path, tmp_path: Path
) -> None:
    lower = tmp_path / f"{NAME}.int8"
    shutil.copytree(resolve_encoder(NAME, "int8").folder, lower)
    before = ModelBundle.open(lower)
    write_run(given_run, tmp_path / "sparse.trec")
    done = CliRunner().invoke(
        app,
        ["model", "check", str(lower), str(tmp_path / "sparse.trec"), str(tiny_collection), "--against", f"{NAME}.fp32",
         "--out", str(tmp_path / "out")],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    after = ModelBundle.open(lower)
    (check,) = after.settings.checks
    assert after.fingerprint == before.fingerprint
    assert check.against == resolve_encoder(NAME, "fp32").fingerprint
    assert check.run == "sparse"
    assert check.low <= check.difference <= check.high
