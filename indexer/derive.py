"""Publishes a new version that differs from the current one in one part; all other files are hard-linked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tamis.files import link_or_copy, remove, sync_tree, whole

from .manifest import MANIFEST, IndexManifest, describe_files, fingerprint, format_of
from .versions import IndexFolder


def publish_with(index: IndexFolder, version: str | None, part: str, write: Callable[[Path], None]) -> IndexManifest:
    """Publish a version with one folder added, or put in the place of the old one, and make it current.

    Killed anywhere, it leaves what was published as it was.

    Args:
        index: where; nobody else may be writing to it.
        version: what it is made from, by name; None: the current one.
        part: name of the folder within the version.
        write: makes that folder, at the path that it is given.

    Raises:
        NotFound: there is no such version.
        DamagedFile: it differs from its manifest, so that nothing may be made from it.
        BuildError: another process writes to the index.
    """
    with index.lock():
        source = index.version(version)
        old = IndexManifest.read(source)
        old.verify(source)
        work = index.building_path / f"{part}-of-{source.name}"
        remove(work)
        work.parent.mkdir(parents=True, exist_ok=True)
        with whole(work) as temporary:
            for name in old.files:
                if not name.startswith(f"{part}/"):
                    (temporary / name).parent.mkdir(parents=True, exist_ok=True)
                    link_or_copy(source / name, temporary / name)
            write(temporary / part)
            files = describe_files(temporary)
            identity = fingerprint(old.config, files)
            # Versions are ordered by name: a second later than the last one, where the clock did not move on.
            last = max(IndexManifest.read(index.version(name)).created for name in index.versions())
            created = max(datetime.now(UTC).replace(microsecond=0), last + timedelta(seconds=1))
            manifest = old.model_copy(
                update={
                    "format": format_of(old.config),
                    "version": f"{created:%Y%m%d-%H%M%S}-{identity[:8]}",
                    "created": created,
                    "fingerprint": identity,
                    "files": files,
                }
            )
            manifest.write(temporary)
            sync_tree(temporary / MANIFEST)
        index.publish(work, manifest.version)
        return manifest
