"""What a lower precision cost is kept in its bundle, and a significant loss keeps it out of the pipeline."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import pytest

from tamis.errors import DamagedFile, InvalidInput, NotFound
from tamis.models.bundle import MANIFEST, ModelBundle
from tamis.models.publish import record_check
from tamis.models.settings import Check
from tamis.models.store import resolve_stored
from tamis.rankers.assemble import open_reader
from tamis.rankers.config import PipelineConfig


@pytest.fixture
def lower(cross_encoder_int8: ModelBundle, tmp_path: Path) -> ModelBundle:
    """A copy of an int8 reranker."""
    return ModelBundle.open(Path(shutil.copytree(cross_encoder_int8.folder, tmp_path / "copy.int8")))


def finding(collection: str = "scifact", *, loss: bool = False, difference: float = -0.01) -> Check:
    """What a check may find."""
    return Check(
        collection=collection, split="test", run="bm25", queries=300, measure="nDCG@10", against="0" * 64,
        exact=0.7, difference=difference, low=-0.02, high=0.001, p=0.2, significant_loss=loss,
    )  # fmt: skip


def test_a_check_is_kept_and_the_bundle_stays_the_same_model(lower: ModelBundle) -> None:
    checked = record_check(lower.folder, finding())
    assert checked.settings.checks == (finding(),)
    assert checked.fingerprint == lower.fingerprint
    assert ModelBundle.open(lower.folder).settings == checked.settings
    assert sorted(path.name for path in lower.folder.parent.iterdir() if not path.name.endswith(".lock")) == [
        "copy.int8"
    ]


def test_a_check_of_the_same_queries_takes_the_place_of_the_earlier_one(lower: ModelBundle) -> None:
    record_check(lower.folder, finding())
    record_check(lower.folder, finding("nfcorpus"))
    checks = record_check(lower.folder, finding(difference=-0.002)).settings.checks
    assert [(one.collection, one.difference) for one in checks] == [("nfcorpus", -0.01), ("scifact", -0.002)]


def test_a_check_that_was_changed_by_hand_is_noticed(lower: ModelBundle) -> None:
    record_check(lower.folder, finding(loss=True))
    manifest = lower.folder / MANIFEST
    manifest.write_text(manifest.read_text().replace('"significant_loss": true', '"significant_loss": false'))
    with pytest.raises(DamagedFile, match="was changed"):
        ModelBundle.open(lower.folder)


def test_a_significant_loss_is_refused_unless_it_is_asked_for(lower: ModelBundle) -> None:
    config = PipelineConfig(rerank=str(lower.folder), rerank_precision="int8")
    record_check(lower.folder, finding("nfcorpus"))
    with closing(open_reader(config, "cpu")) as reader:  # type: ignore[type-var]
        assert reader is not None
    record_check(lower.folder, finding(loss=True))
    with pytest.raises(InvalidInput, match=r"-0\.0100 \[-0\.0200, \+0\.0010\] on scifact, test.*rerank_lossy"):
        open_reader(config, "cpu")
    with closing(open_reader(config.model_copy(update={"rerank_lossy": True}), "cpu")) as reader:  # type: ignore[type-var]
        assert reader is not None


def test_names_on_the_command_line(lower: ModelBundle, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder, a name with its precision, and a name alone, which is exact."""
    assert resolve_stored(str(lower.folder)).fingerprint == lower.fingerprint
    monkeypatch.setenv("TAMIS_HOME", str(tmp_path / "home"))
    shutil.copytree(lower.folder, tmp_path / "home" / "models" / "mine.int8")
    assert resolve_stored("mine.int8").fingerprint == lower.fingerprint
    with pytest.raises(NotFound, match=r"no model 'mine' with precision fp32.*--name mine"):
        resolve_stored("mine")
    with pytest.raises(NotFound, match=r"no model 'mine\.v2'"):
        resolve_stored("mine.v2")
