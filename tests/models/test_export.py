"""The exporter on a tiny random BERT: poolings, prompts, precisions, and what it refuses."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tamis.errors import BuildError, DamagedFile, InvalidInput, MissingPrerequisite, NotFound
from tamis.models import export
from tamis.models.bundle import MODEL, ModelBundle
from tamis.models.encoder import Encoder, Vectors
from tamis.models.parity import check_parity, measure_parity, sentences

from .conftest import MakeSource

TEXTS = ["", "the cat sat on the mat", "cats", "z" * 200, "the " * 100]


def original(source: Path, texts: list[str], kind: str) -> Vectors:
    """Encode with sentence-transformers, prompts and all."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sentence_transformers import SentenceTransformer

        model = SentenceTransformer(str(source), device="cpu")
        encode = model.encode_query if kind == "query" else model.encode_document
        return np.asarray(encode(texts))


@pytest.fixture(scope="module")
def cls_bundle(make_source: MakeSource, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ModelBundle]:
    """CLS pooling, no normalisation, a prompt for each kind."""
    source = make_source("cls", normalise=False, prompts={"query": "query: ", "document": "passage: "})
    return source, export.export_encoder(source, tmp_path_factory.mktemp("out") / "tiny.fp32")


@pytest.mark.parametrize("kind", ["query", "passage"])
def test_cls_pooling_and_prompts_give_the_sources_vectors(cls_bundle: tuple[Path, ModelBundle], kind: str) -> None:
    source, bundle = cls_bundle
    with Encoder.open(bundle) as encoder:
        found = encoder.encode(TEXTS, kind)  # type: ignore[arg-type]
    np.testing.assert_allclose(found, original(source, TEXTS, kind), atol=1e-5)
    assert not np.allclose(np.linalg.norm(found, axis=1), 1)


def test_the_bundle_says_what_it_is(cls_bundle: tuple[Path, ModelBundle]) -> None:
    source, bundle = cls_bundle
    settings = bundle.settings
    assert (settings.pooling, settings.normalise, settings.dimension, settings.max_length) == ("cls", False, 16, 24)
    assert (settings.query_prefix, settings.passage_prefix) == ("query: ", "passage: ")
    assert (settings.name, settings.source, settings.precision) == ("tiny", "tiny", "fp32")
    assert settings.parity["cosine_min"] > 1 - 1e-6
    assert settings.source_sha256 is not None
    assert settings.created_with.keys() >= {"python", "torch", "onnxruntime"}
    assert str(source.parent).encode() not in (bundle.folder / MODEL).read_bytes()


def test_queries_and_passages_differ_where_prompts_do(cls_bundle: tuple[Path, ModelBundle]) -> None:
    with Encoder.open(cls_bundle[1]) as encoder:
        found = [encoder.encode(["the cat"], kind) for kind in ("query", "passage")]
    assert np.abs(found[0] - found[1]).max() > 0.01


def test_int8_of_a_mean_pooled_model_is_near_and_says_how_near(make_source: MakeSource, tmp_path: Path) -> None:
    source = make_source("mean")
    bundle = export.export_encoder(source, tmp_path / "tiny.int8", "int8", name="other", query_prefix="a query : ")
    with Encoder.open(bundle) as encoder:
        found = encoder.encode(TEXTS, "passage")
        query = encoder.encode(["cat"], "query")
        assert query.tobytes() == encoder.encode(["a query : cat"], "passage").tobytes()
    assert (found * original(source, TEXTS, "passage")).sum(1).min() > 0.95
    assert 0.95 < bundle.settings.parity["cosine_mean"] < 1
    assert (bundle.settings.name, bundle.settings.precision) == ("other", "int8")


def test_exporting_again_is_refused_or_gives_the_same_bytes(
    cls_bundle: tuple[Path, ModelBundle], tmp_path: Path
) -> None:
    source, bundle = cls_bundle
    with pytest.raises(InvalidInput, match="exists already"):
        export.export_encoder(source, bundle.folder)
    again = export.export_encoder(source, tmp_path / "again")
    assert again.fingerprint == bundle.fingerprint


def test_parts_that_a_bundle_cannot_hold_are_refused(make_source: MakeSource, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="Transformer -> Pooling -> Dense"):
        export.export_encoder(make_source(dense=True, normalise=False), tmp_path / "dense")
    with pytest.raises(InvalidInput, match="pools by 'max', expected 'mean' or 'cls'"):
        export.export_encoder(make_source("max"), tmp_path / "max")
    assert [path for path in tmp_path.iterdir() if not path.name.endswith(".lock")] == []


def test_a_folder_that_sentence_transformers_did_not_save_is_refused(make_source: MakeSource, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"no modules\.json"):
        export.export_encoder(tmp_path, tmp_path / "out")


def test_weights_as_pickle_are_never_read(make_source: MakeSource, tmp_path: Path) -> None:
    """Reading one may run any code."""
    source = make_source()
    (source / "model.safetensors").rename(source / "pytorch_model.bin")
    with pytest.raises(DamagedFile, match="sentence-transformers cannot load"):
        export.export_encoder(source, tmp_path / "out")


def test_truncated_weights_are_refused(make_source: MakeSource, tmp_path: Path) -> None:
    source = make_source()
    weights = source / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(DamagedFile, match="sentence-transformers cannot load"):
        export.export_encoder(source, tmp_path / "out")


def test_missing_weights_are_refused_not_made_up(make_source: MakeSource, tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    weights = make_source() / "model.safetensors"
    kept = {name: value for name, value in load_file(weights).items() if "layer.1.attention" not in name}
    save_file(kept, weights, {"format": "pt"})
    with pytest.raises(DamagedFile, match=r"lacks 10 of the model's weights, such as encoder\.layer\.1"):
        export.export_encoder(weights.parent, tmp_path / "out")


def test_a_name_that_is_neither_folder_nor_cached_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"nobody/nothing-here is neither a folder .* --download"):
        export.export_encoder("nobody/nothing-here", tmp_path / "out")


def test_missing_libraries_are_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(export, "LIBRARIES", ("onnx", "no-such-library"))
    with pytest.raises(MissingPrerequisite, match=r"needs no-such-library: pip install 'tamis\[train\]'"):
        export.export_encoder(tmp_path, tmp_path / "out")


def test_the_exporter_imports_without_torch() -> None:
    code = "import sys, tamis.models.export, tamis.models.store; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_parity_of_an_encoder_with_itself_is_whole_and_of_another_is_refused() -> None:
    def good(texts: Sequence[str]) -> Vectors:
        return np.array([[1.0, len(text)] for text in texts], np.float32)

    def worse(texts: Sequence[str]) -> Vectors:
        return good(texts) + np.array([0.05, 0], np.float32)

    assert measure_parity(good, good) == {
        "sentences": len(sentences()), "cosine_mean": 1.0, "cosine_min": 1.0, "difference_max": 0.0,
    }  # fmt: skip
    off = measure_parity(good, worse)
    with pytest.raises(BuildError, match="cosine_min is"):
        check_parity(off, "fp32", "tiny")
    check_parity(off, "int8", "tiny")
    with pytest.raises(BuildError, match="cosine_mean is nan"):
        check_parity({"cosine_mean": float("nan")}, "int8", "tiny")
