"""Steps of a build: each leaves a whole result in the work folder, or none, and is skipped when it is there."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import orjson

from tamis.errors import BuildError
from tamis.files import link_or_copy, remove, sync_tree, whole
from tamis.models.bundle import ModelBundle
from tamis.models.digest import sha256_json
from tamis.models.encoder import Encoder
from tamis.models.session import Device
from tamis.models.store import resolve_encoder

from .certificate import Certificate, Made
from .config import IndexConfig
from .corpus.open import Corpus
from .dense import DenseIndex, Vectors, build_dense, kind_for
from .encoding import chosen, encode_texts, read_shards
from .forward.build import build_forward
from .forward.known import KnownTokens
from .forward.layout import ForwardSettings
from .ingest import Ingested, ingest
from .installed import versions_here
from .manifest import (
    CorpusEntry,
    EncoderEntry,
    IndexManifest,
    PruningEntry,
    describe_files,
    fingerprint,
    format_of,
)
from .passages import IdOrder, PassageStore
from .progress import Progress, Report
from .published import ENCODER, FORWARD, PASSAGES, SPARSE, VECTORS
from .quality.choose import identity
from .quality.prune import prune
from .recall import measure_recall
from .sparse.engine import build_sparse, choose_engine
from .tiers import COLD, Rows, Tiers
from .units import UNITS, Units, unit_texts
from .versions import IndexFolder


@dataclass
class Steps:
    """One build in its work folder: each step leaves a whole result, or none, and is skipped when it is there."""

    key: str
    """Hash of all that decides the result: corpus, configuration, models."""
    work: Path
    finished: Path
    corpus: Corpus | None
    """None where passages and vectors come from another version."""
    digest: str
    config: IndexConfig
    engine: str
    query_bundle: ModelBundle
    passage_bundle: ModelBundle
    progress: Progress
    device: Device
    certificate: Certificate | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    cpu_seconds: dict[str, float] = field(default_factory=dict)
    after: datetime | None = None
    """When the newest version was made, which this one must come after by name."""

    @staticmethod
    def prepare(
        index: IndexFolder,
        corpus: Corpus | str,
        config: IndexConfig,
        progress: Progress,
        device: Device,
        certificate: Certificate | None = None,
        digest: str | None = None,
    ) -> Steps:
        """Resolve all models, and name the work by all that decides the result.

        Args:
            index: where the work is done.
            corpus: what to read; or its digest, where passages and vectors come from another version.
            config: all that shapes the index.
            progress: who is told how far it is.
            device: where passages are encoded.
            certificate: what was proved of this corpus.
            digest: of the corpus, where its own says too little.
        """
        engine = choose_engine(config.sparse.engine)
        query_bundle = resolve_encoder(config.encoder.model, "fp32")
        fast = config.encoder.precision == "fast"
        passage_bundle = resolve_encoder(config.encoder.model, "int8") if fast else query_bundle
        digest = digest or (corpus if isinstance(corpus, str) else corpus.digest())
        key = sha256_json(
            {
                "corpus": digest,
                "config": config.model_dump(mode="json"),
                "engine": engine,
                "models": [query_bundle.fingerprint, passage_bundle.fingerprint],
                "format": format_of(config),
                "estimator": identity(config.quality.used),
                "certificate": certificate.model_dump(mode="json") if certificate else None,
            }
        )
        work = index.building_path / key[:16]
        finished = work / "index"
        return Steps(
            key, work, finished, None if isinstance(corpus, str) else corpus, digest, config, engine, query_bundle,
            passage_bundle, progress, device, certificate,
        )  # fmt: skip

    def made(self) -> Made:
        """Say what is to be built, for a certificate to compare."""
        return Made(
            self.digest, self.query_bundle.fingerprint, self.passage_bundle.fingerprint, self.engine, self.config
        )

    @contextmanager
    def phase(self, name: str, total: int | None, unit: str) -> Iterator[Report]:
        """Time a phase, and tell how far it is."""
        start, cpu = time.perf_counter(), time.process_time()
        with self.progress.phase(name, total, unit) as report:
            yield report
        self.seconds[name] = round(time.perf_counter() - start, 3)
        self.cpu_seconds[name] = round(time.process_time() - cpu, 3)

    def ingest(self) -> Ingested:
        """Read, check and split the corpus; write the passages."""
        if self.corpus is None:
            raise BuildError("these passages come from another version: there is no corpus to read")
        done = self.work / "ingested.json"
        if not done.exists():
            with self.phase("read", self.corpus.size_bytes, "bytes") as report:
                tokenizer = self.query_bundle.folder / "tokenizer.json"
                result = ingest(self.corpus, self.config, tokenizer, self.finished, self.progress, report)
            with whole(done) as temporary:
                temporary.write_bytes(result.to_json())
        return Ingested.from_json(done.read_bytes())

    def prune(self, ingested: Ingested, index: IndexFolder) -> PruningEntry | None:
        """Score the passages, and leave out those that repeat others or can answer least, before anything is costly."""
        name = self.config.quality.used
        if name is None:
            return None
        done = self.work / "pruning.json"
        if not done.exists():
            with self.phase("quality", ingested.passages, "passages") as report:
                entry = prune(self.finished, self.config, self.query_bundle, index.path, self.device, report)
            if self.certificate is not None:
                self.certificate.check_estimator(entry.estimator_fingerprint)
            with whole(done) as temporary:
                temporary.write_bytes(orjson.dumps(entry.model_dump(mode="json")))
        entry = PruningEntry.model_validate_json(done.read_bytes())
        return entry.model_copy(update={"certificate": self.certificate})

    def entry(self, ingested: Ingested) -> CorpusEntry:
        """Say where the passages come from."""
        if self.corpus is None:
            raise BuildError("these passages come from another version: its manifest says where from")
        return CorpusEntry(
            name=self.corpus.name,
            format=self.corpus.format,
            sha256=self.digest,
            documents=ingested.documents,
            rejected=ingested.rejected,
        )

    def make_units(self) -> None:
        """Count the sentences of each passage, where each has a vector of its own."""
        path = self.finished / UNITS
        if path.exists() or self.config.dense.units == "passage":
            return
        passages = PassageStore(self.finished / PASSAGES)
        with self.phase("sentences", len(passages), "passages") as report, whole(path) as temporary:
            Units.of(passages).write(temporary)
            report(len(passages))
        passages.close()

    def units(self) -> Units | None:
        """Say which vectors belong to which passage; None: each passage has one."""
        return None if self.config.dense.units == "passage" else Units.read(self.finished / UNITS, self._passages())

    def encode(self) -> None:
        """Make the vectors of all passages, or of all their sentences, shard by shard."""
        if (self.finished / VECTORS).exists():
            return
        passages = PassageStore(self.finished / PASSAGES)
        whole_texts = self.config.dense.units == "passage"
        texts = (text for _, text in passages.contents()) if whole_texts else unit_texts(passages)
        count = self._count()
        with (
            self.phase("encode", count, f"{self.config.dense.units}s") as report,
            Encoder.open(self.passage_bundle, device=self.device) as encoder,
        ):
            encode_texts(texts, count, encoder, self.work / "vectors", report)
        passages.close()

    def tiers(self) -> Tiers | None:
        """Say which passages are in which tier; None: there is one."""
        found = Tiers.read(self.finished, self._passages()) if self.config.quality.cold else None
        return found if found is not None and len(found.cold) else None

    def make_dense(self) -> None:
        """Add the vectors to the vector index, and those of a cold tier to its own."""
        path = self.finished / VECTORS
        if path.exists():
            return
        tiers = self.tiers()
        if tiers is not None:
            self._add_vectors(self.finished / COLD / VECTORS, "cold dense", tiers.cold)
        self._add_vectors(path, "dense", None if tiers is None else tiers.hot)
        remove(self.work / "vectors")

    def _add_vectors(self, path: Path, phase: str, rows: Rows | None) -> None:
        """Write the index of the vectors of some passages, or of all vectors."""
        if path.exists():
            return
        count = self._count() if rows is None else len(rows)
        dimension = self.passage_bundle.settings.dimension
        kind = kind_for(count, self.config.dense)
        path.parent.mkdir(exist_ok=True)
        with self.phase(phase, count, "vectors") as report, whole(path) as temporary:
            build_dense(self._shards(rows), dimension, kind, self.config.dense, temporary, report)
            if phase == "dense":  # recall is told of what every query searches
                recall = self._recall(temporary, count, rows) if kind == "hnsw" else None
                (self.work / "recall.json").write_bytes(orjson.dumps(recall))

    def _shards(self, rows: Rows | None) -> Iterator[Vectors]:
        found = read_shards(self.work / "vectors", self._count())
        return found if rows is None else chosen(found, rows)

    def _recall(self, path: Path, count: int, rows: Rows | None) -> float:
        dimension, breadth = self.passage_bundle.settings.dimension, self.config.dense.ef_search
        index = DenseIndex(path, count, dimension, breadth)
        return measure_recall(index, lambda: self._shards(rows), self.device)

    def make_sparse(self) -> None:
        """Index the words, and those of a cold tier by themselves."""
        path = self.finished / SPARSE
        if path.exists():
            return
        tiers = self.tiers()
        if tiers is not None:
            self._add_words(self.finished / COLD / SPARSE, "cold sparse", tiers.cold)
        self._add_words(path, "sparse", None if tiers is None else tiers.hot)

    def _add_words(self, path: Path, phase: str, rows: Rows | None) -> None:
        """Write the word index of some passages, or of all."""
        if path.exists():
            return
        passages = PassageStore(self.finished / PASSAGES)
        count = len(passages) if rows is None else len(rows)
        path.parent.mkdir(exist_ok=True)
        with self.phase(phase, count, "passages") as report, whole(path) as temporary:
            texts = passages.contents if rows is None else partial(passages.contents_of, rows)
            build_sparse(self.engine, texts, count, temporary, self.config.sparse, report)
        passages.close()

    def make_forward(self, known: KnownTokens | None = None) -> None:
        """Write down the passages as numbers, for the features of a blend; those that are known are not read again."""
        path = self.finished / FORWARD
        if path.exists() or not self.config.forward.enabled:
            return
        passages = PassageStore(self.finished / PASSAGES)
        settings = ForwardSettings(self.config.sparse.language, self.query_bundle.tokenizer)
        with self.phase("forward", len(passages), "passages") as report, whole(path) as temporary:
            build_forward(passages, settings, temporary, report, known)
        passages.close()

    def describe(self, entry: CorpusEntry, pruning: PruningEntry | None) -> IndexManifest:
        """Add the query encoder and the order of ids, then write the manifest, last."""
        passages = PassageStore(self.finished / PASSAGES)
        IdOrder.write(passages, self.finished)
        count, units = len(passages), self.units()
        passages.close()
        remove(self.finished / ENCODER)
        (self.finished / ENCODER).mkdir()
        for file in self.query_bundle.folder.iterdir():
            link_or_copy(file, self.finished / ENCODER / file.name)
        files = describe_files(self.finished)
        identity = fingerprint(self.config, files)
        created = datetime.now(UTC).replace(microsecond=0)
        if self.after is not None:  # versions are ordered by name, of which a second is the smallest step
            created = max(created, self.after + timedelta(seconds=1))
        manifest = IndexManifest(
            format=format_of(self.config),
            version=f"{created:%Y%m%d-%H%M%S}-{identity[:8]}",
            created=created,
            fingerprint=identity,
            build_key=self.key,
            corpus=entry,
            passages=count,
            sparse_engine=self.engine,
            dense_kind=kind_for(self._searched(), self.config.dense),
            dense_recall=orjson.loads((self.work / "recall.json").read_bytes()),
            encoder=EncoderEntry(
                name=self.query_bundle.settings.name,
                dimension=self.query_bundle.settings.dimension,
                query_fingerprint=self.query_bundle.fingerprint,
                passage_fingerprint=self.passage_bundle.fingerprint,
                passage_precision=self.passage_bundle.settings.precision,
            ),
            config=self.config,
            files=files,
            seconds=self.seconds,
            cpu_seconds=self.cpu_seconds,
            built_with=versions_here(),
            pruning=None if pruning is None else pruning.with_savings(files, self.cpu_seconds),
            units=None if units is None else len(units),
        )
        manifest.write(self.finished)
        sync_tree(self.finished)
        return manifest

    def clear(self) -> None:
        """Delete the work folder."""
        remove(self.work)

    def _searched(self) -> int:
        """Count the vectors that every query searches."""
        tiers = self.tiers()
        return self._count() if tiers is None else len(tiers.hot)

    def _count(self) -> int:
        """Count the vectors."""
        units = self.units()
        return self._passages() if units is None else len(units)

    def _passages(self) -> int:
        passages = PassageStore(self.finished / PASSAGES)
        try:
            return len(passages)
        finally:
            passages.close()
