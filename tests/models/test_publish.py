"""Publishing a bundle: whole or absent, one writer at a time."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tamis.errors import InvalidInput
from tamis.models.bundle import MODEL, TOKENIZER, ModelBundle
from tamis.models.publish import locked, publish_bundle
from tamis.models.settings import BundleSettings


def fill(hidden: Path, content: bytes = b"graph") -> BundleSettings:
    """Write a bundle's files."""
    (hidden / MODEL).write_bytes(content)
    (hidden / TOKENIZER).write_bytes(b"{}")
    return BundleSettings(name="small", dimension=4, max_length=8, files={})


def visible(folder: Path) -> list[str]:
    """Names in a folder, but for locks."""
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))


def test_a_failing_export_leaves_nothing(tmp_path: Path) -> None:
    def fail(hidden: Path) -> BundleSettings:
        fill(hidden)
        raise RuntimeError("no room")

    with pytest.raises(RuntimeError, match="no room"):
        publish_bundle(tmp_path / "small", fail)
    assert visible(tmp_path) == []


def test_what_a_killed_export_left_is_cleaned_up(tmp_path: Path) -> None:
    (tmp_path / ".small~k1ll3d").mkdir()
    (tmp_path / ".small-but-other~busy").mkdir()
    publish_bundle(tmp_path / "small", fill)
    assert visible(tmp_path) == [".small-but-other~busy", "small"]


def test_an_existing_bundle_is_replaced_only_where_asked(tmp_path: Path) -> None:
    out = tmp_path / "small"
    publish_bundle(out, fill)
    with pytest.raises(InvalidInput, match="small exists already: --replace"):
        publish_bundle(out, lambda hidden: fill(hidden, b"new"))
    publish_bundle(out, lambda hidden: fill(hidden, b"new"), replace=True)
    assert (out / MODEL).read_bytes() == b"new"
    assert visible(tmp_path) == ["small"]


def test_a_folder_that_is_no_bundle_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work")
    with pytest.raises(InvalidInput, match="name another folder"):
        publish_bundle(tmp_path / "thesis", fill, replace=True)
    assert (tmp_path / "thesis" / "chapter.txt").is_file()


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    """Of two at once, one writes and the other finds it written."""
    out, outcomes = tmp_path / "store" / "small", []

    def export() -> None:
        with locked(out):
            try:
                publish_bundle(out, fill)
                outcomes.append("wrote")
            except InvalidInput:
                outcomes.append("found")

    threads = [threading.Thread(target=export) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["found", "found", "found", "wrote"]
    assert ModelBundle.open(out).settings.name == "small"
