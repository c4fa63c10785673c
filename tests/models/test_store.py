"""The store: where bundles live, and what a name or a path leads to."""

from __future__ import annotations

import shutil
import sys
import warnings
from pathlib import Path

import pytest

from tamis.errors import DamagedFile, InvalidInput, NotFound, TamisError
from tamis.models.bundle import MODEL, ModelBundle
from tamis.models.minilm import PACKAGE, WEIGHTS_SHA256, find_minilm
from tamis.models.publish import publish_bundle
from tamis.models.settings import ScorerSettings
from tamis.models.shipped import NAME as DEFAULT_RERANKER
from tamis.models.shipped import version as shipped_version
from tamis.models.store import list_bundles, resolve_encoder, resolve_scorer, store_folder, stored_path

from .conftest import Exported


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty store."""
    monkeypatch.setenv("TAMIS_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "models"


def put(bundle: ModelBundle, folder: Path) -> Path:
    """Copy a bundle."""
    return Path(shutil.copytree(bundle.folder, folder))


def rename(bundle: ModelBundle, folder: Path, **changes: object) -> ModelBundle:
    """Copy a bundle under other settings."""

    def fill(hidden: Path) -> object:
        for name in bundle.settings.files:
            shutil.copyfile(bundle.folder / name, hidden / name)
        return bundle.settings.model_copy(update=changes)

    folder.parent.mkdir(parents=True, exist_ok=True)
    return publish_bundle(folder, fill)  # type: ignore[arg-type]


def test_the_store_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("TAMIS_HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert store_folder() == tmp_path / ".cache" / "tamis" / "models"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # the XDG specification: ignore it
    assert store_folder() == tmp_path / ".cache" / "tamis" / "models"
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert store_folder() == Path("/xdg/tamis/models")
    monkeypatch.setenv("TAMIS_HOME", "~/own")
    assert store_folder() == tmp_path / "own" / "models"


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "-x", "a b", "a\n", "a/../b", "ä", "a" * 65])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="is not allowed"):
        stored_path(name, "fp32")


def test_a_name_leads_to_the_store(store: Path, int8: ModelBundle) -> None:
    folder = rename(int8, store / "mine.int8", name="mine").folder
    assert resolve_encoder("mine", "int8").folder == folder


def test_an_unknown_name_is_not_found_and_says_how_to_export_it(store: Path) -> None:
    with pytest.raises(NotFound, match="tamis model export SOURCE --kind encoder --name mine --precision int8"):
        resolve_encoder("mine", "int8")


def test_the_default_is_exported_once(fp32: ModelBundle) -> None:
    again = resolve_encoder("all-MiniLM-L6-v2", "fp32")
    assert again == fp32
    assert again.settings.source_sha256 == WEIGHTS_SHA256
    assert (again.settings.licence, again.settings.max_length, again.settings.dimension) == ("Apache-2.0", 256, 384)
    assert again.settings.parity["cosine_min"] > 1 - 1e-6


def test_a_damaged_bundle_in_the_store_is_refused(store: Path, int8: ModelBundle) -> None:
    folder = put(int8, store / "all-MiniLM-L6-v2.int8")
    content = bytearray((folder / MODEL).read_bytes())
    content[len(content) // 2] ^= 4
    (folder / MODEL).write_bytes(content)
    with pytest.raises(DamagedFile, match=r"model\.onnx was changed"):
        resolve_encoder("all-MiniLM-L6-v2", "int8")


def test_a_path_leads_to_its_folder_and_to_its_sibling(tmp_path: Path, int8: ModelBundle) -> None:
    folder = rename(int8, tmp_path / "mine.int8", name="mine").folder
    assert resolve_encoder(str(folder), "int8").folder == folder
    with pytest.raises(NotFound, match=r"has precision int8, wanted fp32, and there is no .*mine\.fp32"):
        resolve_encoder(str(folder), "fp32")
    sibling = rename(int8, tmp_path / "mine.fp32", name="mine", precision="fp32").folder
    assert resolve_encoder(str(folder), "fp32").folder == sibling


def test_a_path_without_a_bundle_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no model bundle in"):
        resolve_encoder(str(tmp_path / "none"), "fp32")


def test_another_kind_of_model_is_refused(tmp_path: Path, int8: ModelBundle) -> None:
    scorer = ScorerSettings(vocabulary=30_522, logits=1)
    other = rename(int8, tmp_path / "other", kind="cross-encoder", scorer=scorer)
    with pytest.raises(InvalidInput, match="holds a cross-encoder, expected an encoder"):
        resolve_encoder(str(other.folder), "int8")
    assert resolve_scorer(str(other.folder), "int8") == other
    with pytest.raises(InvalidInput, match="is of kind cross-encoder, expected quality-t5"):
        resolve_scorer(str(other.folder), "int8", ["quality-t5"])


def test_a_reranker_by_name_comes_from_the_store_and_an_encoder_is_none(store: Path, int8: ModelBundle) -> None:
    with pytest.raises(NotFound, match="tamis model export SOURCE --kind cross-encoder --name mine --precision int8"):
        resolve_scorer("mine", "int8")
    rename(int8, store / "mine.int8", name="mine")
    with pytest.raises(InvalidInput, match="is of kind encoder, expected cross-encoder or monot5"):
        resolve_scorer("mine", "int8")


def test_listing_shows_whole_and_damaged_bundles(store: Path, int8: ModelBundle) -> None:
    assert list_bundles() == []
    whole = rename(int8, store / "b.int8", name="b")
    (rename(int8, store / "a.int8", name="a").folder / MODEL).unlink()
    (store / ".b.int8~left").mkdir()
    (first, reason), (second, bundle) = list_bundles()
    assert (first.name, second.name) == ("a.int8", "b.int8")
    assert isinstance(reason, TamisError)
    assert "is missing" in str(reason)
    assert bundle == whole


def test_foreign_weights_under_the_wheels_name_are_refused_unimported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / PACKAGE
    (package / "model").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(DamagedFile, match=r"model\.safetensors is missing"):
        find_minilm()
    (package / "model" / "model.safetensors").write_bytes(b"other weights")
    with pytest.raises(DamagedFile, match=f"was changed: sha256 is .*, expected {WEIGHTS_SHA256}"):
        find_minilm()
    assert PACKAGE not in sys.modules


def test_the_default_reranker_of_another_release_is_exported_anew(store: Path, cross_encoder: Exported) -> None:
    folder = stored_path(DEFAULT_RERANKER, "fp32")
    old = rename(cross_encoder.bundle, folder, name=DEFAULT_RERANKER, source=DEFAULT_RERANKER, revision="of before")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's and transformers' own, at import
        renewed = resolve_scorer(DEFAULT_RERANKER, "fp32")
    assert renewed.folder == folder and renewed.fingerprint != old.fingerprint
    assert renewed.settings.revision == shipped_version()
    written = renewed.model.stat().st_mtime_ns
    assert resolve_scorer(DEFAULT_RERANKER, "fp32").model.stat().st_mtime_ns == written


def test_a_model_of_ones_own_is_never_exported_anew(store: Path, cross_encoder: Exported) -> None:
    own = rename(cross_encoder.bundle, stored_path("mine", "fp32"), name="mine", revision="any")
    assert resolve_scorer("mine", "fp32").fingerprint == own.fingerprint
    named = rename(own, stored_path(DEFAULT_RERANKER, "fp32"), name=DEFAULT_RERANKER)
    assert named.settings.source != DEFAULT_RERANKER
    assert resolve_scorer(DEFAULT_RERANKER, "fp32").fingerprint == named.fingerprint
