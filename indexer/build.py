"""The offline path, top to bottom: corpus to published index."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tamis.errors import BuildError, DamagedFile
from tamis.models.session import Device

from .certificate import Certificate
from .config import IndexConfig
from .corpus.open import Corpus
from .manifest import (
    IndexManifest,
)
from .progress import Progress, Quiet
from .quality.prune import certified
from .steps import Steps
from .tiers import check_cold
from .versions import IndexFolder


def build(
    corpus: Corpus,
    out: Path,
    config: IndexConfig,
    progress: Progress | None = None,
    device: Device = "cpu",
    rebuild: bool = False,
    certificate: Certificate | None = None,
) -> IndexManifest:
    """Build an index of a corpus and publish it as the current version of `out`.

    Killed anywhere, it leaves what was published as it was; the same call then goes on with what
    was finished. Where the same corpus was built with the same configuration, that version becomes
    current and nothing is built.

    Args:
        corpus: what to index.
        out: folder of the index; made where there is none.
        config: all that shapes the index.
        progress: who is told how far it is.
        device: where passages are encoded: `cpu`, `cuda` or `auto`.
        rebuild: build even where the same index is there.
        certificate: what was proved of this corpus; its share is pruned, and the manifest carries it.

    Raises:
        InvalidInput: the certificate is of something else, passages cannot be scored, or there can be no cold tier.
        CorpusError: the corpus holds records that cannot be indexed; nothing was published.
        BuildError: it could not finish (disk full, another writer).
    """
    index = IndexFolder(out)
    if certificate is not None:
        config = certified(config, certificate)
    check_cold(config)
    with named_failures(index), index.lock():
        steps = Steps.prepare(index, corpus, config, progress or Quiet(), device, certificate)
        if certificate is not None:
            certificate.check(steps.made())
        if not rebuild and (published := _published(index, steps.key)):
            index.point_to(published.version)
            return published
        steps.finished.mkdir(parents=True, exist_ok=True)
        ingested = steps.ingest()
        pruning = steps.prune(ingested, index)
        steps.make_units()
        steps.encode()
        steps.make_dense()
        steps.make_sparse()
        steps.make_forward()
        manifest = steps.describe(steps.entry(ingested), pruning)
        index.publish(steps.finished, manifest.version)
        steps.clear()
        return manifest


def _published(index: IndexFolder, key: str) -> IndexManifest | None:
    """Find the newest version that was built from the same corpus in the same way, and is whole."""
    for name in reversed(index.versions()):
        try:
            manifest = IndexManifest.read(index.version(name))
            if manifest.build_key == key:
                manifest.verify(index.version(name))
                return manifest
        except DamagedFile:
            continue
    return None


@contextmanager
def named_failures(index: IndexFolder) -> Iterator[None]:
    """Turn the operating system's errors (disk full, no permission) into one that says what is safe."""
    try:
        yield
    except OSError as error:
        raise BuildError(
            f"building {index.path} stopped: {error.strerror or error} ({error.filename or 'no file named'}). "
            "What was published before is untouched; mend the cause and run the same command to go on"
        ) from error
