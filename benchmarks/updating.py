"""What it costs to add 1 % new passages to an index, and whether the result is that of a full build.

    python -m benchmarks.updating [--record] [--passages N]

msmarco-mini (50,285 passages, or its first N) is built whole. The last 1 % are deleted from a copy and then added
again, which must give the bytes of the full build, and its rankings of the dev queries. What the encoder, the
estimator of quality and the analyser of words read is counted.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tamis.cli.output import Bars
from tamis.eval.judged import read_judged
from tamis.indexer.build import build
from tamis.indexer.config import EncoderConfig, IndexConfig, QualityConfig
from tamis.indexer.corpus.given import write_given
from tamis.indexer.corpus.open import Corpus, open_corpus
from tamis.indexer.passage import Document, Passage
from tamis.indexer.passages import PassageStore
from tamis.indexer.published import PASSAGES
from tamis.indexer.quality import cache
from tamis.indexer.quality.prune import CACHE
from tamis.indexer.quality.role import Estimator, Scores
from tamis.indexer.sparse.analysis import Analyzer
from tamis.indexer.update import Changes, update
from tamis.indexer.versions import IndexFolder
from tamis.models.encoder import Encoder
from tamis.rankers.engine import Engine

from .harness import DATA, WORK, Result, record

SHARE = 0.01
QUERIES = 1_000
CONFIG = IndexConfig(encoder=EncoderConfig(precision="fast"), quality=QualityConfig(estimator="light"))
MOST = 0.3
"""Of the full build's seconds, what adding 1 % may take."""


def main() -> None:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true", help="write the table to RESULTS.md")
    parser.add_argument("--passages", type=int, help="only so many of the corpus' first passages; default: all")
    options = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=WORK) as folder:
        rows, remarks = measure(options.passages, Path(folder))
    for row in rows:
        print(*row, sep=" | ")
    print(remarks)
    if options.record:
        command = "python -m benchmarks.updating --record"
        command += f" --passages {options.passages}" if options.passages else ""
        header = ("step", "full build, s", "update, s")
        record(Result("updating", "Adding 1 % to an index", command, header, rows, remarks))


def measure(passages: int | None, folder: Path) -> tuple[list[list[str]], str]:
    """Return a row for each step, and what was reached."""
    corpus = open_corpus(str(DATA / "msmarco-mini"), CONFIG.corpus)
    if passages:
        corpus = _corpus(islice(_records(corpus), passages), folder / "first.jsonl")
    with timed() as full_took:
        full = build(corpus, folder / "full", CONFIG, Bars())
    last = _copy_without_the_last(folder)
    added = _corpus(({"id": one.id, "title": one.title, "text": one.text} for one in last), folder / "added.jsonl")
    read: Counter[str] = Counter()
    with counted(read), timed() as took:
        done = update(folder / "index", Changes(add=added)).manifest
    rows = [[step, f"{seconds:.1f}", f"{done.seconds.get(step, 0):.1f}"] for step, seconds in full.seconds.items()]
    rest = [took[0] - sum(manifest.seconds.values()) for took, manifest in ((full_took, full), (took, done))]
    rows.append(["all else: verify, compare, hash, publish", *(f"{seconds:.1f}" for seconds in rest)])
    rows.append(["all", f"{full_took[0]:.1f}", f"{took[0]:.1f}"])
    rows.append(["processor seconds of all threads", f"{full_took[1]:.1f}", f"{took[1]:.1f}"])
    share = took[0] / full_took[0]
    other = sorted(name for name, entry in full.files.items() if done.files.get(name) != entry)
    if any(not name.startswith("sparse/") for name in other) or full.files.keys() != done.files.keys() | set(other):
        raise SystemExit(f"the update gave other files than the full build: {', '.join(other)}")
    same, asked = same_rankings(folder / "full", folder / "index")
    words = [
        f"{len(last):,} passages added to {full.passages - len(last):,}: {share:.1%} of the full build's seconds, "
        f"{took[1] / full_took[1]:.1%} of its processor seconds.",
        f"Asked: at most {MOST:.0%}, {'reached' if share <= MOST else 'not reached'}.",
        f"Read during the update: by the encoder {read['encoder']:,} texts, by the estimator of quality "
        f"{read['quality']:,}, by the analyser of words {read['words']:,} (titles and texts).",
        "Files have the bytes of the full build's, but for Lucene's, which carry an id drawn by chance; "
        f"the same ids and scores, 100 deep, for {same:,} of {asked:,} dev queries.",
    ]
    return rows, " ".join(words)


def _copy_without_the_last(folder: Path) -> list[Passage]:
    """Make the index to start from out of a copy of the full one; return the passages that it lacks."""
    index = folder / "index"
    shutil.copytree(folder / "full", index, symlinks=True)
    shutil.rmtree(index / CACHE, ignore_errors=True)  # it knows the scores of those that will be new
    store = PassageStore(IndexFolder(index).current() / PASSAGES)
    last = store.take(range(len(store) - max(1, round(SHARE * len(store))), len(store)))
    store.close()
    update(index, Changes(delete=[passage.document_id for passage in last]), Bars())
    return last


@contextmanager
def timed() -> Iterator[list[float]]:
    """Measure seconds, and processor seconds of all threads."""
    took: list[float] = []
    start, used = time.perf_counter(), time.process_time()
    yield took
    took += [time.perf_counter() - start, time.process_time() - used]


@contextmanager
def counted(read: Counter[str]) -> Iterator[None]:
    """Count the texts that encoder, estimator and analyser are given; they are given them as ever."""
    encode, score, words = Encoder.encode, cache.checked, Analyzer.words

    def encoding(self: Encoder, texts: Sequence[str], *rest: Any, **named: Any) -> Any:
        read["encoder"] += len(texts)
        return encode(self, texts, *rest, **named)

    def scoring(estimator: Estimator, texts: Sequence[str]) -> Scores:
        read["quality"] += len(texts)
        return score(estimator, texts)

    def cutting(self: Analyzer, text: str) -> list[str]:
        read["words"] += 1
        return words(self, text)

    with ExitStack() as stack:
        stack.enter_context(patch.object(Analyzer, "words", cutting))
        stack.enter_context(patch.object(Encoder, "encode", encoding))
        stack.enter_context(patch.object(cache, "checked", scoring))
        yield


def same_rankings(one: Path, other: Path) -> tuple[int, int]:
    """Count the dev queries for which two indexes give the same ids and scores, and all of them."""
    texts = [query.text for query in read_judged(str(DATA / "msmarco-mini"), "dev").queries[:QUERIES]]
    found = []
    for path in (one, other):
        with Engine.open(path) as engine:
            results = engine.search_many(texts, 100)
            found.append([[(hit.id, hit.score) for hit in result.hits] for result in results])
    return sum(first == second for first, second in zip(*found, strict=True)), len(texts)


def _records(corpus: Corpus) -> Iterator[dict[str, object]]:
    for found in corpus.records():
        if isinstance(found, Document):
            yield {"id": found.id, "title": found.title, "text": found.text}


def _corpus(records: Iterable[dict[str, object]], file: Path) -> Corpus:
    return write_given(records, file, CONFIG.corpus)


if __name__ == "__main__":
    main()
