"""Bundles: every way to damage one is refused with the file's name, before anything is loaded."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from tamis.errors import DamagedFile, NotFound
from tamis.models.bundle import MANIFEST, MODEL, TOKENIZER, ModelBundle
from tamis.models.digest import sha256_json
from tamis.models.publish import publish_bundle
from tamis.models.settings import FORMAT, BundleSettings

Damage = Callable[[Path], None]


def settings(**changes: Any) -> BundleSettings:
    """Give settings of a small encoder."""
    values: dict[str, Any] = {"name": "small", "dimension": 4, "pooling": "mean", "max_length": 8, "files": {}}
    return BundleSettings(**(values | changes))


def write(folder: Path, **changes: Any) -> ModelBundle:
    """Publish a bundle whose files are no models: opening must not need them to be."""

    def fill(hidden: Path) -> BundleSettings:
        (hidden / MODEL).write_bytes(bytes(range(256)))
        (hidden / TOKENIZER).write_bytes(b'{"version": "1.0"}')
        return settings(**changes)

    return publish_bundle(folder, fill)


@pytest.fixture
def bundle(tmp_path: Path) -> ModelBundle:
    """A whole bundle."""
    return write(tmp_path / "small.fp32")


def test_a_whole_bundle_opens_as_it_was_written(bundle: ModelBundle) -> None:
    found = ModelBundle.open(bundle.folder)
    assert found == bundle
    assert set(found.settings.files) == {MODEL, TOKENIZER}
    assert found.settings.files[MODEL].bytes == 256


def test_a_copied_bundle_opens_with_the_same_fingerprint(bundle: ModelBundle, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(bundle.folder, tmp_path / "copy"))
    assert ModelBundle.open(copy).fingerprint == bundle.fingerprint


@pytest.mark.parametrize("name", [MODEL, TOKENIZER])
@pytest.mark.parametrize("place", [0, 7, -1])
def test_a_flipped_bit_is_refused(bundle: ModelBundle, name: str, place: int) -> None:
    content = bytearray((bundle.folder / name).read_bytes())
    content[place] ^= 1
    (bundle.folder / name).write_bytes(content)
    with pytest.raises(DamagedFile, match=rf"{re.escape(name)} was changed"):
        ModelBundle.open(bundle.folder)


@pytest.mark.parametrize("name", [MODEL, TOKENIZER])
@pytest.mark.parametrize("length", [0, 9])
def test_a_truncated_file_is_refused(bundle: ModelBundle, name: str, length: int) -> None:
    path = bundle.folder / name
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(DamagedFile, match=rf"{re.escape(name)} has {length} bytes, expected"):
        ModelBundle.open(bundle.folder)


@pytest.mark.parametrize("name", [MODEL, TOKENIZER])
def test_a_missing_file_is_refused(bundle: ModelBundle, name: str) -> None:
    (bundle.folder / name).unlink()
    with pytest.raises(DamagedFile, match=rf"{re.escape(name)} is missing"):
        ModelBundle.open(bundle.folder)


@pytest.mark.parametrize("name", ["model.onnx.data", "weights.bin", ".hidden"])
def test_an_extra_file_is_refused(bundle: ModelBundle, name: str) -> None:
    (bundle.folder / name).write_bytes(b"x")
    with pytest.raises(DamagedFile, match=rf"{re.escape(name)} does not belong"):
        ModelBundle.open(bundle.folder)


def test_a_folder_in_the_place_of_a_file_is_refused(bundle: ModelBundle) -> None:
    (bundle.folder / MODEL).unlink()
    (bundle.folder / MODEL).mkdir()
    with pytest.raises(DamagedFile, match=r"model\.onnx is not a file"):
        ModelBundle.open(bundle.folder)


def test_every_truncation_and_every_flipped_bit_of_the_manifest_is_refused(bundle: ModelBundle) -> None:
    """Whatever the manifest says instead, its checksum tells."""
    path = bundle.folder / MANIFEST
    whole = path.read_bytes()
    for length in range(0, len(whole) - 2, 13):
        path.write_bytes(whole[:length])
        with pytest.raises(DamagedFile):
            ModelBundle.open(bundle.folder)
    for place, byte in enumerate(whole):
        changed = whole[:place] + bytes([byte ^ (1 << place % 8)]) + whole[place + 1 :]
        if _same_json(changed, whole):  # one kind of white space for another
            continue
        path.write_bytes(changed)
        with pytest.raises(DamagedFile, match=MANIFEST):
            ModelBundle.open(bundle.folder)


def _same_json(left: bytes, right: bytes) -> bool:
    try:
        return bool(orjson.loads(left) == orjson.loads(right))
    except orjson.JSONDecodeError:
        return False


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda v: v | {"format": FORMAT + 1}, "update Tamis"),
        (lambda v: v | {"format": "1"}, "format"),
        (lambda v: v | {"format": 0}, "format"),
        (lambda v: v | {"colour": "red"}, "colour"),
        (lambda v: v | {"dimension": 0}, "dimension"),
        (lambda v: v | {"dimension": "4"}, "dimension"),
        (lambda v: v | {"precision": "fp8"}, "precision"),
        (lambda v: v | {"kind": "oracle"}, "kind"),
        (lambda v: v | {"name": "../evil"}, "name"),
        (lambda v: {key: value for key, value in v.items() if key != "files"}, "files"),
        (lambda v: v | {"files": {MODEL: v["files"][MODEL]}}, TOKENIZER),
        (lambda v: v | {"files": v["files"] | {MODEL: {"sha256": "00", "bytes": 256}}}, "sha256"),
        (lambda v: v | {"files": v["files"] | {"../../etc/passwd": v["files"][MODEL]}}, "passwd"),
        (lambda v: [v], "does not describe"),
        (lambda _: None, "does not describe"),
    ],
)
def test_a_manifest_that_says_something_else_is_refused(
    bundle: ModelBundle, change: Callable[[Any], object], message: str
) -> None:
    path = bundle.folder / MANIFEST
    changed: Any = change(orjson.loads(path.read_bytes()))
    if isinstance(changed, dict):  # sealed anew, so that it is not the checksum which tells
        changed["checksum"] = sha256_json({key: value for key, value in changed.items() if key != "checksum"})
    path.write_bytes(orjson.dumps(changed))
    with pytest.raises(DamagedFile, match=re.escape(message)):
        ModelBundle.open(bundle.folder)


def test_garbled_json_is_refused(bundle: ModelBundle) -> None:
    (bundle.folder / MANIFEST).write_text('{"format": 1,,}')
    with pytest.raises(DamagedFile, match=r"bundle\.json is not JSON"):
        ModelBundle.open(bundle.folder)


@pytest.mark.parametrize("make", [lambda path: None, Path.mkdir, lambda path: path.write_text("a file")])
def test_where_there_is_no_bundle_it_says_so(tmp_path: Path, make: Callable[[Path], object]) -> None:
    make(tmp_path / "none")
    with pytest.raises(NotFound, match=r"no model bundle in .*none"):
        ModelBundle.open(tmp_path / "none")


@pytest.mark.parametrize(
    "change",
    [
        {"query_prefix": "query: "},
        {"passage_prefix": "passage: "},
        {"pooling": "cls"},
        {"normalise": True},
        {"max_length": 9},
        {"precision": "int8"},
    ],
)
def test_what_changes_vectors_changes_the_fingerprint(
    bundle: ModelBundle, tmp_path: Path, change: dict[str, Any]
) -> None:
    assert write(tmp_path / "other", **change).fingerprint != bundle.fingerprint


def test_what_changes_no_vector_leaves_the_fingerprint(bundle: ModelBundle, tmp_path: Path) -> None:
    other = write(tmp_path / "other", name="other", source="elsewhere", licence="MIT", parity={"cosine_min": 1.0})
    assert other.fingerprint == bundle.fingerprint
