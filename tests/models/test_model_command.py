"""`tamis model` from outside: results on stdout, the rest on stderr, exit codes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tamis.cli.model import app
from tamis.cli.output import stdout
from tamis.errors import DamagedFile, InvalidInput, NotFound
from tamis.models.bundle import MODEL, ModelBundle

from .conftest import Exported, MakeSource

NAME = "all-MiniLM-L6-v2.int8"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, int8: ModelBundle) -> Path:
    """A store with one model."""
    monkeypatch.setenv("TAMIS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(stdout, "width", 200)  # the environment's COLUMNS is read once, at import
    folder = tmp_path / "home" / "models"
    shutil.copytree(int8.folder, folder / NAME)
    return folder


def test_list_shows_what_there_is(store: Path) -> None:
    found = CliRunner().invoke(app, ["list", "--json"])
    (only,) = json.loads(found.stdout)
    assert (only["name"], only["precision"], only["dimension"]) == ("all-MiniLM-L6-v2", "int8", 384)
    assert len(only["fingerprint"]) == 64
    assert "all-MiniLM-L6-v2" in CliRunner().invoke(app, ["list"]).stdout


def test_an_empty_store_lists_nothing_on_stdout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAMIS_HOME", str(tmp_path))
    found = CliRunner().invoke(app, ["list", "--json"])
    assert json.loads(found.stdout) == []
    assert "no models in" in found.stderr


def test_verify_tells_whole_from_damaged(store: Path) -> None:
    assert CliRunner().invoke(app, ["verify"]).exit_code == 0
    assert CliRunner().invoke(app, ["verify", NAME]).exit_code == 0
    with pytest.raises(NotFound):
        CliRunner().invoke(app, ["verify", "other.fp32"], catch_exceptions=False)
    (store / NAME / MODEL).write_bytes(b"garbage")
    with pytest.raises(DamagedFile, match=r"model\.onnx has 7 bytes"):
        CliRunner().invoke(app, ["verify"], catch_exceptions=False)
    assert "7 bytes" in json.loads(CliRunner().invoke(app, ["list", "--json"]).stdout)[0]["error"]


def test_export_puts_a_bundle_into_the_store(store: Path, make_source: MakeSource) -> None:
    source = make_source()
    found = CliRunner().invoke(
        app, ["export", str(source), "--name", "mine", "--query-prefix", "q: ", "--json"], catch_exceptions=False
    )
    (only,) = json.loads(found.stdout)
    assert (only["name"], only["query_prefix"], only["folder"]) == ("mine", "q: ", str(store / "mine.fp32"))
    assert ModelBundle.open(store / "mine.fp32").fingerprint == only["fingerprint"]
    with pytest.raises(InvalidInput, match="--replace"):
        CliRunner().invoke(app, ["export", str(source), "--name", "mine"], catch_exceptions=False)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--precision", "fp16"], "not for encoders"),
        (["--prompt", "{passage}"], "not for encoders"),
        (["--max-length", "64"], "not for encoders"),
        (["--kind", "monot5", "--query-prefix", "q: "], "prefixes are for encoders, and this is a monot5"),
        (["--kind", "cross-encoder", "--targets", "yes", "no"], "prompt and targets are for monot5"),
    ],
)
def test_options_of_another_kind_are_refused(store: Path, tmp_path: Path, flags: list[str], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        CliRunner().invoke(app, ["export", str(tmp_path), "--name", "mine", *flags], catch_exceptions=False)


def test_rerankers_are_listed_with_their_rank_correlation_and_timed(store: Path, cross_encoder: Exported) -> None:
    shutil.copytree(cross_encoder.bundle.folder, store / "tiny.fp32")
    shown = CliRunner().invoke(app, ["list"]).stdout
    assert "rho 1.0" in shown
    assert "cross-encoder" in shown
    assert CliRunner().invoke(app, ["verify", "tiny.fp32"]).exit_code == 0
    found = CliRunner().invoke(app, ["bench", "tiny.fp32", "--rounds", "1", "--json"], catch_exceptions=False)
    (speed,) = json.loads(found.stdout)
    assert (speed["model"], speed["kind"], speed["texts"]) == ("tiny", "cross-encoder", 100)
    assert speed["provider"] == "CPUExecutionProvider"
    assert speed["per_second"] == pytest.approx(1e5 / speed["milliseconds"])
    assert "CPU" in CliRunner().invoke(app, ["bench", "tiny.fp32", "--rounds", "1"]).stdout


@pytest.mark.slow
def test_export_puts_a_reranker_into_the_store(store: Path, cross_encoder: Exported) -> None:
    flags = ["--kind", "cross-encoder", "--precision", "int8", "--max-length", "48", "--keep-fp32", "layer.1", "--json"]
    found = CliRunner().invoke(app, ["export", str(cross_encoder.source), *flags], catch_exceptions=False)
    (only,) = json.loads(found.stdout)
    assert (only["name"], only["kind"], only["max_length"]) == ("tiny", "cross-encoder", 48)
    assert ModelBundle.open(store / "tiny.int8").fingerprint == only["fingerprint"]
