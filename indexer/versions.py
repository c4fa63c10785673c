"""The folder of an index: immutable versions, and a pointer to the current one that is swapped in one step.

DIR/versions/20261123-130000-1a2b3c4d/   a published version, never changed
DIR/current -> versions/...              what is served
DIR/building/<key>/                      work in progress, kept for the same command to go on with
DIR/.lock                                one writer at a time
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from tamis.errors import BuildError, InvalidInput, NotFound
from tamis.files import remove, sync_folder

from .manifest import IndexManifest


@dataclass(frozen=True, slots=True)
class IndexFolder:
    """One named index on disk, with all its versions."""

    path: Path

    @property
    def versions_path(self) -> Path:
        """Where published versions are."""
        return self.path / "versions"

    @property
    def building_path(self) -> Path:
        """Where builds work."""
        return self.path / "building"

    def lock(self) -> FileLock:
        """Return the lock that every writer holds.

        Raises:
            BuildError: another process holds it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.path / ".lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise BuildError(f"another process is writing to {self.path}; wait for it, or end it") from None
        return lock

    def versions(self) -> list[str]:
        """Name the published versions, oldest first."""
        if not self.versions_path.is_dir():
            return []
        return sorted(path.name for path in self.versions_path.iterdir() if (path / "manifest.json").is_file())

    def current(self) -> Path:
        """Return the folder of the version that is served.

        Raises:
            NotFound: nothing was published here.
        """
        link = self.path / "current"
        if not link.is_symlink():
            raise NotFound(
                f"{self.path} is no index: nothing was published there; "
                f"build one with `tamis index build CORPUS --out {self.path}`"
            )
        return self.versions_path / link.readlink().name

    def version(self, name: str | None) -> Path:
        """Return the folder of a version by name, or of the current one."""
        if name is None:
            return self.current()
        if name not in self.versions():
            known = ", ".join(self.versions()) or "none"
            raise NotFound(f"{self.path} has no version {name!r}; it has {known}")
        return self.versions_path / name

    def publish(self, finished: Path, version: str) -> Path:
        """Move a finished folder among the versions and make it current, each in one step."""
        self.versions_path.mkdir(exist_ok=True)
        target = self.versions_path / version
        finished.rename(target)
        sync_folder(self.versions_path)
        self.point_to(version)
        return target

    def point_to(self, version: str) -> None:
        """Make a published version the current one, in one step."""
        temporary = self.path / ".current-next"
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(Path("versions") / version)
        temporary.replace(self.path / "current")
        sync_folder(self.path)

    def rollback(self, to: str | None = None) -> str:
        """Make an older version current: the one named, or the one before the current one.

        The version is verified first, so that a damaged one never becomes current.
        """
        now, known = self.current().name, self.versions()
        if to is None:
            older = [version for version in known if version < now]
            if not older:
                raise NotFound(f"{self.path} has no version before {now}; it has {', '.join(known)}")
            to = older[-1]
        folder = self.version(to)
        IndexManifest.read(folder).verify(folder)
        self.point_to(to)
        return to

    def collect(self, keep: int) -> list[Path]:
        """Delete what nobody needs: work in progress, and all but the newest `keep` versions and the current one."""
        if keep < 1:
            raise InvalidInput(f"keep must be 1 or more, got {keep}")
        current = self.current().name if (self.path / "current").is_symlink() else None
        kept = {*self.versions()[-keep:], current}
        doomed = [self.building_path] if self.building_path.exists() else []
        if self.versions_path.is_dir():
            doomed += sorted(path for path in self.versions_path.iterdir() if path.name not in kept)
        for path in doomed:
            remove(path)
        return doomed
