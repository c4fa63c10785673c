from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from tamis.errors import BuildError, DamagedFile, InvalidInput, NotFound
from tamis.indexer.config import IndexConfig
from tamis.indexer.manifest import (
    FORMAT,
    CorpusEntry,
    EncoderEntry,
    IndexManifest,
    describe_files,
    fingerprint,
)
from tamis.indexer.versions import IndexFolder


def finished(folder: Path, version: str) -> Path:
    """A version folder with two files and a true manifest, ready to be published."""
    made = folder / f"made-{version}"
    (made / "sub").mkdir(parents=True)
    (made / "a.bin").write_bytes(b"0123456789" * 100)
    (made / "sub" / "b.bin").write_text(version)
    files = describe_files(made)
    config = IndexConfig()
    IndexManifest(
        format=FORMAT,
        version=version,
        created=datetime(2026, 1, 1, tzinfo=UTC),
        fingerprint=fingerprint(config, files),
        build_key="key",
        corpus=CorpusEntry(name="c", format="beir", sha256="0", documents=1, rejected=0),
        passages=1,
        sparse_engine="bm25s",
        dense_kind="flat",
        dense_recall=None,
        encoder=EncoderEntry(
            name="e", dimension=2, query_fingerprint="q", passage_fingerprint="p", passage_precision="fp32"
        ),
        config=config,
        files=files,
        seconds={},
        built_with={},
    ).write(made)
    return made


@pytest.fixture
def index(tmp_path: Path) -> IndexFolder:
    """An index with versions v1, v2, v3; v3 is current."""
    folder = IndexFolder(tmp_path / "index")
    with folder.lock():
        for version in ("v1", "v2", "v3"):
            folder.publish(finished(tmp_path, version), version)
    return folder


def test_publishing_makes_a_version_current(index: IndexFolder) -> None:
    assert index.versions() == ["v1", "v2", "v3"]
    assert index.current().name == "v3"
    assert (index.path / "current" / "a.bin").is_file()


def test_rollback_goes_one_back_or_where_it_is_told(index: IndexFolder) -> None:
    assert index.rollback() == "v2"
    assert index.current().name == "v2"
    assert index.rollback("v3") == "v3"
    assert index.rollback("v1") == "v1"
    with pytest.raises(NotFound, match="no version before v1"):
        index.rollback()
    with pytest.raises(NotFound, match="no version 'v9'; it has v1, v2, v3"):
        index.rollback("v9")


def test_a_damaged_version_never_becomes_current(index: IndexFolder) -> None:
    (index.versions_path / "v2" / "a.bin").write_bytes(b"0123456789" * 99 + b"012345678X")
    with pytest.raises(DamagedFile, match=r"a\.bin was changed"):
        index.rollback()
    assert index.current().name == "v3"


def test_gc_keeps_the_current_version_and_the_newest(index: IndexFolder) -> None:
    index.rollback("v1")
    (index.building_path / "left-over").mkdir(parents=True)
    gone = index.collect(keep=1)
    assert {path.name for path in gone} == {"v2", "building"}
    assert index.versions() == ["v1", "v3"]
    assert index.collect(keep=1) == []
    with pytest.raises(InvalidInput):
        index.collect(keep=0)


def test_one_writer_at_a_time(index: IndexFolder) -> None:
    with index.lock(), pytest.raises(BuildError, match="another process is writing"):
        IndexFolder(index.path).lock()


def test_a_folder_without_a_version_is_no_index(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="tamis index build"):
        IndexFolder(tmp_path).current()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "a.bin").write_bytes(b"0123456789" * 99), r"a\.bin has 990 bytes, expected 1000"),
        (lambda folder: (folder / "a.bin").unlink(), r"a\.bin is missing"),
        (lambda folder: (folder / "sub" / "c.bin").write_text("x"), r"c\.bin does not belong"),
        (lambda folder: (folder / "sub" / "b.bin").write_text("v4"), r"b\.bin was changed"),
    ],
)
def test_damage_is_named(index: IndexFolder, damage: object, message: str) -> None:
    folder = index.current()
    manifest = IndexManifest.read(folder)
    manifest.verify(folder)
    assert callable(damage)
    damage(folder)
    with pytest.raises(DamagedFile, match=message):
        manifest.verify(folder)


def test_a_manifest_of_the_first_format_is_read_as_one_without_a_forward_index(index: IndexFolder) -> None:
    path = index.current() / "manifest.json"
    values = orjson.loads(path.read_bytes())
    del values["config"]["forward"]
    path.write_bytes(orjson.dumps({**values, "format": 1}))
    assert not IndexManifest.read(index.current()).config.forward.enabled


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda values: {**values, "format": FORMAT + 1}, f"has format {FORMAT + 1}, this Tamis reads 1 to {FORMAT}"),
        (lambda values: {**values, "passages": "many"}, "garbled at passages"),
        (lambda values: {**values, "surprise": 1}, "garbled at surprise"),
        (lambda values: {key: values[key] for key in values if key != "files"}, "garbled at files"),
        (lambda values: [values], "garbled"),
    ],
)
def test_a_garbled_or_newer_manifest_is_refused(index: IndexFolder, change: object, message: str) -> None:
    path = index.current() / "manifest.json"
    assert callable(change)
    path.write_bytes(orjson.dumps(change(orjson.loads(path.read_bytes()))))
    with pytest.raises(DamagedFile, match=message):
        IndexManifest.read(index.current())


def test_a_truncated_manifest_is_refused(index: IndexFolder) -> None:
    path = index.current() / "manifest.json"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DamagedFile, match=r"manifest\.json is garbled"):
        IndexManifest.read(index.current())
