"""A model that ships packed: what is exported from it scores as its source does, and damage is named."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from tamis.errors import DamagedFile, InvalidInput
from tamis.models.bundle import ModelBundle
from tamis.models.score_parity import real_pairs
from tamis.models.scorer import Scorer
from tamis.models.shipped import CHECKSUM, OTHER_FILES, WEIGHTS, check, export_shipped, ship, version

from .conftest import Exported

CARD = "---\nlicense: cc-by-4.0\n---\n# tiny\n"


@pytest.fixture
def shipped(cross_encoder: Exported, tmp_path: Path) -> Path:
    """The tiny cross-encoder, packed."""
    folder = tmp_path / "shipped"
    ship(cross_encoder.source, CARD, folder)
    return folder


def test_the_export_scores_nearly_as_the_source_did(cross_encoder: Exported, shipped: Path, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's and transformers' own, at import
        bundle = export_shipped(tmp_path / "out", "fp32", folder=shipped)
    assert (bundle.settings.kind, bundle.settings.precision) == ("cross-encoder", "fp32")
    assert (bundle.settings.name, bundle.settings.source) == ("tamis-minilm-l6", "tamis-minilm-l6")
    assert bundle.settings.licence == "cc-by-4.0"
    pairs = real_pairs()
    with Scorer.open(cross_encoder.bundle) as source, Scorer.open(ModelBundle.open(tmp_path / "out")) as packed:
        wanted, found = source.score_pairs(pairs).scores, packed.score_pairs(pairs).scores
    assert (
        np.corrcoef(wanted, found)[0, 1] > 0.99
    )  # a random model of this size is touchy; the real one is measured in its card
    assert not np.array_equal(wanted, found)  # 8 bits a number are not 32
    assert (shipped / WEIGHTS).stat().st_size < 0.4 * (cross_encoder.source / "model.safetensors").stat().st_size


@pytest.mark.parametrize("file", [WEIGHTS, CHECKSUM, *OTHER_FILES])
def test_a_missing_file_is_named(shipped: Path, file: str) -> None:
    (shipped / file).unlink()
    with pytest.raises(DamagedFile, match=f"{file}, a part of the default reranker, is missing: install Tamis again"):
        check(shipped)


def test_which_release_cannot_be_told_without_the_checksum(shipped: Path) -> None:
    assert version(shipped) == (shipped / CHECKSUM).read_text()[:12]
    (shipped / CHECKSUM).unlink()
    with pytest.raises(DamagedFile, match=f"{CHECKSUM}, a part of the default reranker, is missing"):
        version(shipped)


def test_a_changed_byte_is_refused_before_anything_is_written(shipped: Path, tmp_path: Path) -> None:
    weights = bytearray((shipped / WEIGHTS).read_bytes())
    weights[-1] ^= 1
    (shipped / WEIGHTS).write_bytes(weights)
    with pytest.raises(DamagedFile, match="was changed"):
        export_shipped(tmp_path / "out", "fp32", folder=shipped)
    assert not (tmp_path / "out").exists()


def test_one_does_not_overwrite_a_bundle_unasked(shipped: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(InvalidInput, match="exists already: name another folder"):
        export_shipped(tmp_path / "out", "fp32", folder=shipped)
