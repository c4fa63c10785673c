"""`tamis model` from outside: results on stdout, the rest on stderr, exit codes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tamis.cli.model import app
from tamis.errors import DamagedFile, InvalidInput, NotFound
from tamis.models.bundle import MODEL, ModelBundle

from .conftest import MakeSource

NAME = "all-MiniLM-L6-v2.int8"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, int8: ModelBundle) -> Path:
    """A store with one model."""
    monkeypatch.setenv("TAMIS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")
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
