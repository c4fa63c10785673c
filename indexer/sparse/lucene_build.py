"""Builds a Lucene index with Anserini's indexer, so that Pyserini opens it too."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from tamis.errors import BuildError

from ..config import SparseConfig
from ..progress import Report
from . import jvm
from .engine import Texts
from .lucene import ROWS, analyzer_for

BLANK = "".join(map(chr, range(33)))
"""What Java's String.trim() cuts off; Anserini leaves out passages of which nothing remains."""

SAMPLES = 1_000
"""Documents whose id is compared with the row's after the build."""


def build_lucene(texts: Texts, count: int, folder: Path, config: SparseConfig, progress: Report) -> None:
    """Write the Lucene index and the map from its document numbers to rows.

    The passages go to Anserini through a temporary file of JSON lines beside `folder`.

    Raises:
        BuildError: the disk is full, Lucene failed, or its index does not hold what it should.
    """
    jvm.start()
    with jvm.LOCK:
        analyzer_for(config.language)  # one that Java lacks is an error before anything is written
    lines = folder.with_name(f"{folder.name}.jsonl")
    shutil.rmtree(lines, ignore_errors=True)
    try:
        lines.mkdir()
        written = _write_lines(texts, count, lines / "passages.jsonl")
        rows = np.delete(np.arange(count, dtype=np.int32), written.blank)
        with _java_errors(folder) as heard:
            _index(lines, folder, config, lambda done: progress(min(done, count)), heard)
            _verify(folder, written, len(rows), heard)
        np.save(folder / ROWS, rows, allow_pickle=False)
        (folder / "write.lock").unlink(missing_ok=True)
        progress(count)
    except OSError as error:
        raise BuildError(f"writing the word index to {folder} failed: {error}; make room and run it again") from error
    finally:
        shutil.rmtree(lines, ignore_errors=True)


@dataclass
class _Written:
    """What the file of JSON lines holds."""

    blank: list[int] = field(default_factory=list)
    """Rows that Anserini leaves out."""
    samples: list[tuple[int, str]] = field(default_factory=list)
    """Lucene document numbers, with the id that each must have."""


def _write_lines(texts: Texts, count: int, path: Path) -> _Written:
    written = _Written()
    every = max(1, count // SAMPLES)
    row = -1
    with path.open("wb") as file:
        for row, (id_, contents) in enumerate(texts()):
            if not contents.strip(BLANK):
                written.blank.append(row)
                continue
            document = row - len(written.blank)
            if document % every == 0 or row == count - 1:
                written.samples.append((document, id_))
            file.write(orjson.dumps({"id": id_, "contents": contents}) + b"\n")
    if row + 1 != count:
        raise BuildError(f"{row + 1} passages came to the word index, where {count} were announced; run it again")
    return written


def _index(lines: Path, folder: Path, config: SparseConfig, progress: Report, heard: Callable[[], str]) -> None:
    """Run Anserini's indexer in a thread of its own, and tell meanwhile how far it is."""
    from jnius import JavaException, detach

    with jvm.LOCK:
        indexer = _indexer(lines, folder, config)
        writer = indexer.writer
    failures: list[Exception] = []

    def run() -> None:
        try:
            indexer.run()
        except Exception as error:
            failures.append(error)
        finally:
            detach()

    thread = threading.Thread(target=run, name="lucene-indexer", daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            thread.join(0.2)
            done = 0
            with suppress(JavaException):  # the indexer may close its writer at any moment, also between two calls
                done = writer.getDocStats().numDocs
            if done:
                progress(done)
    except BaseException:
        writer.rollback()  # stops the indexer: it must not write on after the caller has gone
        thread.join()
        raise
    cause = writer.getTragicException()
    if failures or cause is not None:
        reason = cause.toString() if cause is not None else failures[0]
        raise BuildError(f"Lucene could not build the word index in {folder}: {reason}{heard()}")


def _indexer(lines: Path, folder: Path, config: SparseConfig) -> Any:
    level = jvm.java("org.apache.logging.log4j.Level")  # Anserini logs to stdout, which is for results
    jvm.java("org.apache.logging.log4j.core.config.Configurator").setLevel("io.anserini", level.OFF)
    heap = jvm.java("java.lang.Runtime").getRuntime().maxMemory() >> 20
    args = jvm.java("io.anserini.index.IndexCollection$Args")()
    args.collectionClass = "JsonCollection"
    args.generatorClass = "DefaultLuceneDocumentGenerator"
    args.input = str(lines.resolve())
    args.index = str(folder.resolve())
    args.language = config.language
    args.threads = 1  # passages keep their order
    args.memoryBuffer = int(min(512, max(16, heap // 4)))  # MB
    args.storePositions = True
    args.optimize = True
    args.quiet = True
    indexer = jvm.java("io.anserini.index.IndexCollection")(args)
    # Lucene's default policy may merge segments that are not neighbours, which changes the order
    indexer.writer.getConfig().setMergePolicy(jvm.java("org.apache.lucene.index.LogDocMergePolicy")())
    return indexer


def _verify(folder: Path, written: _Written, expected: int, heard: Callable[[], str]) -> None:
    """Check that the index holds every passage that has text, in row order."""
    with jvm.LOCK:
        readers = jvm.java("io.anserini.index.IndexReaderUtils")
        reader = readers.getReader(str(folder.resolve()))
        try:
            if reader.numDocs() != expected or reader.maxDoc() != expected:
                raise BuildError(
                    f"Lucene's index in {folder} holds {reader.numDocs()} of {expected} passages with text; "
                    f"is the disk full?{heard()}"
                )
            for document, id_ in written.samples:
                found = readers.convertLuceneDocidToDocid(reader, document)
                if found != id_:
                    raise BuildError(f"Lucene's document {document} is passage '{found}', expected '{id_}'")
        finally:
            reader.close()


@contextmanager
def _java_errors(folder: Path) -> Iterator[Callable[[], str]]:
    """Catch what Java prints on stderr, where Anserini leaves the cause of a failure, and Java's exceptions."""
    from jnius import JavaException

    with jvm.LOCK:
        system = jvm.java("java.lang.System")
        before = system.err
        caught = jvm.java("java.io.ByteArrayOutputStream")()
        system.setErr(jvm.java("java.io.PrintStream")(caught, signature="(Ljava/io/OutputStream;)V"))

    def heard() -> str:
        lines = str(caught.toString()).strip().splitlines()
        return f" ({lines[0].strip()})" if lines else ""

    try:
        yield heard
    except JavaException as error:
        raise BuildError(f"Lucene could not build the word index in {folder}: {error}{heard()}") from error
    finally:
        with jvm.LOCK:
            system.setErr(before)
