"""A changed corpus to a new version: only passages whose text is new are encoded, all else is as if built anew."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tamis.errors import CorpusError, InvalidInput, NotFound
from tamis.files import whole
from tamis.models.digest import sha256_json
from tamis.models.session import Device

from .build import named_failures
from .corpus.open import Corpus
from .ingest import Ingested
from .manifest import IndexManifest
from .passage import BadRecord, Passage
from .passages import PassageStore, PassageWriter
from .progress import Progress, Quiet
from .published import PASSAGES
from .reuse import NEW, Sources, encode_changed, known_tokens
from .split import Splitter
from .steps import Steps
from .versions import IndexFolder


@dataclass(frozen=True, slots=True)
class Changes:
    """What becomes of a corpus, by documents."""

    add: Corpus | None = None
    """Documents that are not there yet; they come last, in this order."""
    update: Corpus | None = None
    """Documents that are there; each stays at its place."""
    delete: Collection[str] = ()
    """Ids of documents that are there."""

    def digest(self) -> str:
        """Hash what changes."""
        given = [corpus and corpus.digest() for corpus in (self.add, self.update)]
        return sha256_json({"add": given[0], "update": given[1], "delete": sorted(self.delete)})


@dataclass(frozen=True, slots=True)
class Updated:
    """The version that was published, and what it cost."""

    manifest: IndexManifest
    encoded: int
    """Passages that the encoder read."""
    reused: int
    """Passages whose vectors the version before had."""


def update(out: Path, changes: Changes, progress: Progress | None = None, device: Device = "cpu") -> Updated:
    """Publish the current version with changes, as a full build of the changed corpus would give it.

    Killed anywhere, or refused, it leaves what was published as it was.

    Raises:
        NotFound: no index is there, or a document to update or delete is not.
        CorpusError: a document to add is there already, is named twice, or cannot be indexed.
        InvalidInput: nothing changes, or nothing is left, or the encoder is not the one that made the vectors.
        DamagedFile: the current version differs from its manifest.
        BuildError: it could not finish.
    """
    index = IndexFolder(out)
    with named_failures(index), index.lock():
        source = index.current()
        old = IndexManifest.read(source)
        old.verify(source)
        steps = _steps(index, old, changes, progress or Quiet(), device)
        passages = PassageStore(source / PASSAGES)
        try:
            steps.finished.mkdir(parents=True, exist_ok=True)
            plan = _Plan.read(changes, old, Splitter(old.config.split, steps.query_bundle.folder / "tokenizer.json"))
            plan.compare(passages)
            ingested, sources = plan.write(passages, steps, old)
        finally:
            passages.close()
        steps.make_units()
        encode_changed(steps, sources, source, old)
        pruning = steps.prune(ingested, index)
        steps.make_dense()
        steps.make_sparse()
        steps.make_forward(known_tokens(sources, source, old, steps))
        manifest = steps.describe(steps.entry(ingested), pruning)
        index.publish(steps.finished, manifest.version)
        steps.clear()
        encoded = int((sources == NEW).sum())
        return Updated(manifest, encoded, len(sources) - encoded)


def _steps(index: IndexFolder, old: IndexManifest, changes: Changes, progress: Progress, device: Device) -> Steps:
    corpus = changes.add or changes.update or Corpus(old.corpus.name, old.corpus.format, (), old.config.corpus)
    if changes.add is None and changes.update is None and not changes.delete:
        raise InvalidInput("nothing to change: name documents to add, update or delete")
    if old.config.quality.leaves_out:
        raise InvalidInput(
            f"{index.path} leaves passages out by comparing all of them: `tamis index restore {index.path}` first, "
            "change that, and prune it anew"
        )
    digest = sha256_json([old.corpus.sha256, changes.digest()])
    steps = Steps.prepare(index, corpus, old.config, progress, device, digest=digest)
    if steps.passage_bundle.fingerprint != old.encoder.passage_fingerprint:
        raise InvalidInput(
            f"{index.path} was encoded with {old.encoder.name} {old.encoder.passage_fingerprint[:12]}, here that name "
            f"is {steps.passage_bundle.fingerprint[:12]}: vectors of both do not mix; build the index again"
        )
    key = sha256_json([old.fingerprint, digest])
    work = index.building_path / key[:16]
    named = dataclasses.replace(corpus, name=old.corpus.name, format=old.corpus.format)
    newest = max(IndexManifest.read(index.version(name)).created for name in index.versions())
    return dataclasses.replace(
        steps,
        key=key, work=work, finished=work / "index", corpus=named, engine=old.sparse_engine, after=newest,
    )  # fmt: skip


@dataclass
class _Plan:
    """What is written in the place of what."""

    added: dict[str, list[Passage]]
    updated: dict[str, list[Passage]]
    deleted: frozenset[str]
    rows: dict[bytes, int] = field(default_factory=dict)
    """Row in the old version by the hash of a changed passage's text, where it holds that text."""

    @staticmethod
    def read(changes: Changes, old: IndexManifest, splitter: Splitter) -> _Plan:
        added, updated = _passages(changes.add, splitter), _passages(changes.update, splitter)
        deleted = frozenset(changes.delete)
        twice = (added.keys() & updated.keys()) | (deleted & (added.keys() | updated.keys()))
        if twice:
            raise CorpusError(
                f"document {min(twice)!r} is named twice: it can be added, updated or deleted, one of these"
            )
        return _Plan(added, updated, deleted)

    def compare(self, passages: PassageStore) -> None:
        """Look through the old version once: what is there, and which texts it holds."""
        wanted = self.added.keys() | self.updated.keys() | self.deleted
        hashes = {
            _hash(passage) for group in (self.added, self.updated) for found in group.values() for passage in found
        }
        new_ids = {passage.id: passage.document_id for group in (self.added, self.updated)
                   for found in group.values() for passage in found}  # fmt: skip
        there: set[str] = set()
        for row, passage in enumerate(passages):
            if passage.document_id in wanted:
                there.add(passage.document_id)
            elif passage.id in new_ids:
                said = f"document {new_ids[passage.id]!r} would have a passage {passage.id!r}"
                raise CorpusError(f"{said}, as document {passage.document_id!r} has; give it another id")
            if hashes and (digest := _hash(passage)) in hashes:
                self.rows.setdefault(digest, row)
        for id_ in sorted(self.added.keys() & there):
            raise CorpusError(f"document {id_!r} is there already; update it, or give the new one another id")
        for id_ in sorted((self.updated.keys() | self.deleted) - there):
            raise NotFound(f"there is no document {id_!r} to change; ids are case-sensitive")

    def write(self, old: PassageStore, steps: Steps, before: IndexManifest) -> tuple[Ingested, Sources]:
        """Write the new passages; what was written by a stopped update is written again, to the same bytes."""
        sources: list[int] = []
        with (
            whole(steps.finished / PASSAGES) as temporary,
            PassageWriter(temporary, steps.config.corpus.metadata) as writer,
        ):
            for passage, source in self._merged(old):
                writer.write([passage])
                sources.append(source)
            if not sources:
                raise InvalidInput(f"nothing would be left of {before.corpus.name}; delete its folder instead")
        documents = before.corpus.documents + len(self.added) - len(self.deleted)
        return Ingested(documents, len(sources), before.corpus.rejected), np.array(sources, np.int64)

    def _merged(self, old: PassageStore) -> Iterator[tuple[Passage, int]]:
        replaced: set[str] = set()
        for row, passage in enumerate(old):
            document = passage.document_id
            if document in self.deleted or document in replaced:
                continue
            if document not in self.updated:
                yield passage, row
                continue
            replaced.add(document)
            yield from self._sourced(self.updated[document])
        for passages in self.added.values():
            yield from self._sourced(passages)

    def _sourced(self, passages: list[Passage]) -> Iterator[tuple[Passage, int]]:
        return ((passage, self.rows.get(_hash(passage), NEW)) for passage in passages)


def _passages(corpus: Corpus | None, splitter: Splitter) -> dict[str, list[Passage]]:
    """Read the changed documents; they are held in memory, the unchanged ones never are."""
    found: dict[str, list[Passage]] = {}
    for record in corpus.records() if corpus else ():
        if isinstance(record, BadRecord):
            raise CorpusError(f"{record.source}: {record.reason}; nothing was changed")
        found[record.id] = splitter.split(record)
    return found


def _hash(passage: Passage) -> bytes:
    return hashlib.blake2b(f"{passage.title}\0{passage.text}".encode(), digest_size=16).digest()
