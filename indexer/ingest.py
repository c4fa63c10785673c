"""Corpus to passages: read, stop at or set aside bad records, split, write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import orjson

from tamis.errors import CorpusError
from tamis.files import whole

from .config import IndexConfig
from .corpus.language import script_mismatch
from .corpus.open import Corpus
from .passage import BadRecord
from .passages import PassageStore, PassageWriter
from .progress import Progress, Report
from .published import PASSAGES
from .split import Splitter

SHOWN = 10
"""Bad records that an error names before it stops."""

REJECTS = "rejects.jsonl"


@dataclass(frozen=True, slots=True)
class Ingested:
    """What came in."""

    documents: int
    passages: int
    rejected: int

    def to_json(self) -> bytes:
        """Give the counts as JSON."""
        return orjson.dumps(asdict(self))

    @staticmethod
    def from_json(text: bytes) -> Ingested:
        """Read the counts again."""
        return Ingested(**orjson.loads(text))


def ingest(
    corpus: Corpus, config: IndexConfig, tokenizer: Path, folder: Path, progress: Progress, report: Report
) -> Ingested:
    """Write the passages of a corpus to `folder`, and the records that were set aside to `rejects.jsonl`.

    Raises:
        CorpusError: there are bad records and `skip_bad` is off (the first ten are named), or
            nothing is left to index.
    """
    splitter = Splitter(config.split, tokenizer)
    documents = passages = 0
    rejects = _Rejects(corpus, config.corpus.skip_bad)
    with (
        whole(folder / PASSAGES) as temporary,
        whole(folder / REJECTS) as rejects_path,
        PassageWriter(temporary, config.corpus.metadata) as writer,
        rejects_path.open("wb") as rejects_file,
    ):
        for record in corpus.records(report):
            if isinstance(record, BadRecord):
                rejects.add(record, rejects_file.write)
                continue
            parts = splitter.split(record)
            writer.write(parts)
            documents += 1
            passages += len(parts)
        rejects.stop_if_any()
        if passages == 0:
            raise CorpusError(f"{corpus.name} holds nothing to index; {rejects.count} records were bad")
    store = PassageStore(folder / PASSAGES)
    warning = script_mismatch((text for _, text in islice(store.contents(), 1_000)), config.sparse.language)
    store.close()
    if warning:
        progress.note(warning)
    if rejects.count == 0:
        (folder / REJECTS).unlink()
    else:
        progress.note(f"{rejects.count} bad records were left out; {REJECTS} in the index lists each with its reason")
    return Ingested(documents, passages, rejects.count)


class _Rejects:
    """Bad records: written to a file when they may be skipped, else collected until there is enough to stop."""

    def __init__(self, corpus: Corpus, skip: bool) -> None:
        self._corpus = corpus
        self._skip = skip
        self._first: list[BadRecord] = []
        self.count = 0

    def add(self, record: BadRecord, write: Callable[[bytes], object]) -> None:
        self.count += 1
        if self._skip:
            write(orjson.dumps(asdict(record), option=orjson.OPT_APPEND_NEWLINE))
            return
        self._first.append(record)
        if len(self._first) == SHOWN:
            self.stop_if_any()

    def stop_if_any(self) -> None:
        if not self._first:
            return
        cases = "\n".join(f"  {record.source}: {record.reason}" for record in self._first)
        more = " (it stopped looking there)" if len(self._first) == SHOWN else ""
        raise CorpusError(
            f"{self._corpus.name} holds records that cannot be indexed, so nothing was published{more}:\n{cases}\n"
            "Mend them, or pass --skip-bad to leave them out"
        )
