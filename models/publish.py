"""Puts a finished bundle in its place: written beside it, flushed to disk, then renamed."""

from __future__ import annotations

import glob
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
from filelock import FileLock

from tamis.errors import InvalidInput
from tamis.files import sync_folder, sync_tree

from .bundle import MANIFEST, ModelBundle
from .digest import sha256_file
from .settings import BundleSettings, Check, FileEntry

Fill = Callable[[Path], BundleSettings]
"""Writes model and tokenizer into a folder and describes them; `files` is filled in afterwards."""


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """Let one process at a time write the bundle `out`; the others wait."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(out.parent / f".{out.name}.lock"):
        yield


def publish_bundle(out: Path, fill: Fill, replace: bool = False) -> ModelBundle:
    """Write a bundle so that `out` is never half written; the caller holds its lock.

    Raises:
        InvalidInput: `out` exists, and is not to be replaced.
    """
    refuse_existing(out, replace)
    for left in out.parent.glob(f".{glob.escape(out.name)}~*"):  # of a process that was killed: we hold the lock
        shutil.rmtree(left, ignore_errors=True)
    hidden = Path(tempfile.mkdtemp(prefix=f".{out.name}~", dir=out.parent))
    try:
        hidden.chmod(0o755)
        settings = fill(hidden)
        files = {
            path.name: FileEntry(sha256=sha256_file(path), bytes=path.stat().st_size)
            for path in sorted(hidden.iterdir())
        }
        settings = settings.model_copy(update={"files": files}).sealed()
        (hidden / MANIFEST).write_bytes(_written(settings))
        sync_tree(hidden)
        ModelBundle.open(hidden)
        _take_place(hidden, out)
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
    return ModelBundle.open(out)


def record_check(folder: Path, check: Check) -> ModelBundle:
    """Write what a check found into a bundle, in the place of what an earlier one found on the same queries.

    The bundle's fingerprint stays: a check changes nothing of what the model says.

    Raises:
        NotFound: there is no bundle.
        DamagedFile: it is not as it was written.
    """

    def subject(one: Check) -> tuple[str, ...]:
        return one.collection, one.split, one.run, one.measure

    with locked(folder):
        settings = ModelBundle.open(folder).settings
        others = tuple(one for one in settings.checks if subject(one) != subject(check))
        # Beside the folder: a bundle with a file that it does not list is refused.
        fresh = folder.parent / f".{folder.name}.{MANIFEST}"
        fresh.write_bytes(_written(settings.model_copy(update={"checks": (*others, check)}).sealed()))
        sync_tree(fresh)
        fresh.rename(folder / MANIFEST)
        sync_folder(folder)
        return ModelBundle.open(folder)


def _written(settings: BundleSettings) -> bytes:
    return orjson.dumps(settings.model_dump(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def refuse_existing(out: Path, replace: bool) -> None:
    """Raise InvalidInput where `out` exists and is not a bundle that may be replaced."""
    if not out.exists() or (replace and (out / MANIFEST).is_file()):
        return
    hint = "--replace puts the new bundle in its place" if (out / MANIFEST).is_file() else "name another folder"
    raise InvalidInput(f"{out} exists already: {hint}")


def _take_place(hidden: Path, out: Path) -> None:
    if out.exists():
        old = Path(tempfile.mkdtemp(prefix=f".{out.name}~", dir=out.parent))
        out.rename(old / out.name)
        hidden.rename(out)
        shutil.rmtree(old)
    else:
        hidden.rename(out)
    sync_folder(out.parent)
