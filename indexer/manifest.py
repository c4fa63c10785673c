"""IndexManifest: what an index is, where it comes from, and the hash of each of its files."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tamis.errors import DamagedFile, NotFound
from tamis.models.digest import sha256_file, sha256_json
from tamis.models.settings import FileEntry

from .certificate import Certificate
from .config import IndexConfig

FORMAT = 4
"""Newest version of the layout of an index folder; a newer one is refused.

1: without a forward index. 2: with one, unless `forward.enabled` is false; and with a blend, once one was published.
3: as 2, with a vector for each sentence. 4: as 2, with a cold tier.
"""

MANIFEST = "manifest.json"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CorpusEntry(_Part):
    """Where the passages come from."""

    name: str
    format: str
    sha256: str
    documents: int
    rejected: int


class EncoderEntry(_Part):
    """The model that made the vectors, and that makes those of queries."""

    name: str
    dimension: int
    query_fingerprint: str
    passage_fingerprint: str
    passage_precision: str


class Saved(_Part):
    """What a pruned index costs beside the whole one that it was proved against."""

    bytes_whole: int
    bytes_pruned: int
    """Of what is searched (`searched_bytes`)."""
    cpu_seconds_whole: float
    cpu_seconds_pruned: float
    """Processor time of the phases that both builds went through, and of scoring."""


class PruningEntry(_Part):
    """How passages were scored, and what was left out."""

    estimator: str
    estimator_fingerprint: str
    pruned: int
    duplicates: int
    """Of the pruned ones, those that repeat another passage."""
    certificate: Certificate | None = None
    """What was proved about the share before it was pruned."""
    saved: Saved | None = None
    """Only with a certificate, which says what the whole index costs."""

    def with_savings(self, files: dict[str, FileEntry], cpu_seconds: dict[str, float]) -> PruningEntry:
        """Add what was saved, where there is a certificate.

        Args:
            files: of the pruned index.
            cpu_seconds: of its build, by phase.
        """
        if self.certificate is None:
            return self
        before = self.certificate.build_cpu_seconds
        both = before.keys() & cpu_seconds.keys() - {"quality"}
        saved = Saved(
            bytes_whole=self.certificate.bytes,
            bytes_pruned=searched_bytes(files),
            cpu_seconds_whole=round(sum(before[name] for name in both), 3),
            cpu_seconds_pruned=round(sum(cpu_seconds[name] for name in both) + cpu_seconds.get("quality", 0.0), 3),
        )
        return self.model_copy(update={"saved": saved})


class IndexManifest(_Part):
    """Identity and provenance of one published version; written last, a folder without it is no index."""

    format: int
    version: str
    created: datetime
    fingerprint: str
    """Hash of the configuration and of every file: what the index *is*, whenever it was built."""
    build_key: str
    """Hash of what the build was asked for: corpus, configuration, models."""
    corpus: CorpusEntry
    passages: int
    sparse_engine: str
    dense_kind: str
    dense_recall: float | None
    """Recall@100 of HNSW against exact search, on a sample of the passages; None where search is exact."""
    encoder: EncoderEntry
    config: IndexConfig
    files: dict[str, FileEntry]
    seconds: dict[str, float]
    """What each phase of the build took; phases that a resumed build found done are left out."""
    cpu_seconds: dict[str, float] = Field(default_factory=dict)
    """The same of all threads together, which what else the machine does falls on less; none in an older manifest."""
    built_with: dict[str, str]
    pruning: PruningEntry | None = None
    """None: passages were neither scored nor left out."""
    units: int | None = Field(None, exclude_if=lambda units: units is None)
    """Vectors, where that is not one for each passage: one for each sentence."""

    @property
    def cold(self) -> int:
        """Passages in the cold tier, of all that `passages` counts; 0: there is none."""
        return self.pruning.pruned if self.config.quality.cold and self.pruning is not None else 0

    @property
    def vectors(self) -> int:
        """Vectors in the vector index."""
        return self.passages - self.cold if self.units is None else self.units

    @staticmethod
    def read(folder: Path) -> IndexManifest:
        """Read the manifest of a version.

        Raises:
            NotFound: the folder holds no manifest.
            DamagedFile: the manifest is garbled, or of a newer format.
        """
        path = folder / MANIFEST
        try:
            values = orjson.loads(path.read_bytes())
            found = values["format"]
        except FileNotFoundError:
            raise NotFound(f"{folder} is no index: it has no {MANIFEST}") from None
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise DamagedFile(f"{path} is garbled ({error}); roll back to another version or build again") from None
        if found not in range(1, FORMAT + 1):
            raise DamagedFile(
                f"{path} has format {found!r}, this Tamis reads 1 to {FORMAT}; upgrade Tamis or build again"
            )
        try:
            return IndexManifest.model_validate(_upgraded(values))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise DamagedFile(f"{path} is garbled at {where}: {first['msg']}; roll back or build again") from None

    def write(self, folder: Path) -> None:
        """Write the manifest."""
        (folder / MANIFEST).write_bytes(orjson.dumps(self.model_dump(mode="json"), option=orjson.OPT_INDENT_2))

    def verify(self, folder: Path) -> None:
        """Compare size and sha256 of every file with the manifest, before anything is loaded.

        Raises:
            DamagedFile: a file is missing, was truncated or changed, or does not belong there.
        """
        present = set(_names(folder)) - {MANIFEST}
        for name in sorted(self.files.keys() - present):
            raise DamagedFile(f"{folder / name} is missing; roll back to another version or build again")
        for name in sorted(present - self.files.keys()):
            raise DamagedFile(f"{folder / name} does not belong to this index; delete it or build again")
        for name, entry in self.files.items():
            size = (folder / name).stat().st_size
            if size != entry.bytes:
                raise DamagedFile(f"{folder / name} has {size} bytes, expected {entry.bytes}; build again")
        with ThreadPoolExecutor(thread_name_prefix="tamis-verify") as pool:
            hashes = pool.map(lambda name: sha256_file(folder / name), self.files)
            for (name, entry), found in zip(self.files.items(), hashes, strict=True):
                if found != entry.sha256:
                    raise DamagedFile(
                        f"{folder / name} was changed: its sha256 is {found[:12]}..., the manifest says "
                        f"{entry.sha256[:12]}...; roll back to another version or build again"
                    )


def format_of(config: IndexConfig) -> int:
    """Return the layout that an index is written in: the oldest that holds what it has, so that older readers can."""
    if config.quality.cold:
        return 4
    return 2 if config.dense.units == "passage" else 3


def _upgraded(values: dict[str, Any]) -> dict[str, Any]:
    """Say in the present format what a manifest of an older one says."""
    if values["format"] == 1 and isinstance(values.get("config"), dict):
        values["config"] = {**values["config"], "forward": {"enabled": False}}
    return values


def _names(folder: Path) -> Iterable[str]:
    return (path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())


def searched_bytes(files: dict[str, FileEntry]) -> int:
    """Add up what every query searches: all but the encoder, which is always the same, and what was pruned."""
    return sum(entry.bytes for name, entry in files.items() if not name.startswith(("encoder/", "pruned/", "cold/")))


def describe_files(folder: Path) -> dict[str, FileEntry]:
    """Measure every file of a finished version folder."""
    names = sorted(_names(folder))
    return {name: FileEntry(bytes=(folder / name).stat().st_size, sha256=sha256_file(folder / name)) for name in names}


def fingerprint(config: IndexConfig, files: dict[str, FileEntry]) -> str:
    """Hash what an index is made of: configuration and files."""
    return sha256_json({"config": config.model_dump(mode="json"), "files": {n: e.sha256 for n, e in files.items()}})
