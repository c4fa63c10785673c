"""Builds a word index for bm25s: term matrix of BM25 scores, streamed through files so that memory stays flat."""

from __future__ import annotations

import os
import shutil
from array import array
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tamis.errors import BuildError

from ..config import SparseConfig
from ..progress import Report
from .analysis import analyzer_for
from .engine import Texts

CHUNK = 1 << 18
"""Words that are counted at a time."""

Ints = npt.NDArray[np.int32]


def build_lean(texts: Texts, count: int, folder: Path, config: SparseConfig, progress: Report) -> None:
    """Write the index of bm25s, without its corpus.

    Raises:
        BuildError: the disk is full, or fewer or more passages came than announced.
    """
    parts = folder.with_name(f"{folder.name}.parts")
    shutil.rmtree(parts, ignore_errors=True)
    try:
        parts.mkdir()
        postings = Postings(parts)
        analyze = analyzer_for(config.language)
        row = -1
        for row, (_, contents) in enumerate(texts()):
            postings.add(row, analyze(contents))
            if row % 512 == 0:
                progress(row)
        if row + 1 != count:
            raise BuildError(f"{row + 1} passages came to the word index, where {count} were announced; run it again")
        _save(postings, parts, folder, config)
        progress(count)
    except OSError as error:
        raise BuildError(f"writing the word index to {folder} failed: {error}; make room and run it again") from error
    finally:
        shutil.rmtree(parts, ignore_errors=True)


class Postings:
    """Counts how often each term is in each passage; what is counted waits in files."""

    def __init__(self, folder: Path) -> None:
        self.vocabulary: defaultdict[str, int] = defaultdict()
        self.vocabulary.default_factory = self.vocabulary.__len__
        self.lengths = array("i")
        """Terms in each passage, repeated ones repeated."""
        self._folder = folder
        self._terms: list[int] = []
        self._first = 0
        self._files = 0

    def add(self, row: int, terms: list[str]) -> None:
        """Count the terms of the next passage."""
        numbers = self.vocabulary
        self._terms += [numbers[term] for term in terms]
        self.lengths.append(len(terms))
        if len(self._terms) >= CHUNK:
            self.flush()

    def flush(self) -> None:
        """Write what is in memory to a file: int32[3, n] of term, row, frequency, by row and term."""
        lengths = np.frombuffer(self.lengths, np.int32)[self._first :]
        rows = np.repeat(np.arange(self._first, len(self.lengths), dtype=np.int64), lengths)
        keys, frequencies = np.unique(rows << 32 | np.array(self._terms, np.int64), return_counts=True)
        chunk = np.stack([keys & 0x7FFFFFFF, keys >> 32, frequencies]).astype(np.int32)
        np.save(self._folder / f"{self._files}.npy", chunk, allow_pickle=False)
        self._files += 1
        self._first = len(self.lengths)
        self._terms.clear()

    def chunks(self) -> Iterator[tuple[Ints, Ints, Ints]]:
        """Read term, row and frequency again, file by file in row order."""
        for number in range(self._files):
            terms, rows, frequencies = np.load(self._folder / f"{number}.npy", allow_pickle=False)
            yield terms, rows, frequencies


def _save(postings: Postings, parts: Path, folder: Path, config: SparseConfig) -> None:
    """Turn counts into scores, sort them by term, and let bm25s write its files."""
    import bm25s

    postings.flush()
    lengths = np.frombuffer(postings.lengths, np.int32)
    document_frequency = np.zeros(len(postings.vocabulary), np.int64)
    for terms, _, _ in postings.chunks():
        document_frequency += np.bincount(terms, minlength=len(document_frequency))
    starts = np.concatenate([[0], np.cumsum(document_frequency)]).astype(np.int64)
    scores = _reserve(parts / "scores", np.float32, int(starts[-1]))
    rows_by_term = _reserve(parts / "rows", np.int32, int(starts[-1]))
    weigh = Weigher(lengths, document_frequency, config)
    free = starts[:-1].copy()
    for terms, rows, frequencies in postings.chunks():
        order = np.argsort(terms, kind="stable")  # by term, then row, as rows come in order
        terms, rows, frequencies = terms[order], rows[order], frequencies[order]
        count = np.bincount(terms, minlength=len(free))
        before = np.cumsum(count) - count
        places = free[terms] + np.arange(len(terms)) - before[terms]
        scores[places] = weigh(terms, rows, frequencies)
        rows_by_term[places] = rows
        free += count
    index = bm25s.BM25(method="lucene", k1=config.k1, b=config.b, backend="numpy")
    index.scores = {"data": scores, "indices": rows_by_term, "indptr": starts, "num_docs": len(lengths)}
    index.vocab_dict = dict(postings.vocabulary)
    index.nonoccurrence_array = None
    index.save(folder, show_progress=False)


def _reserve(path: Path, dtype: type[np.number[Any]], size: int) -> np.memmap[Any, Any]:
    """Map a new file whose room is taken at once: writing to a map on a full disk would kill the process."""
    room = max(1, size) * np.dtype(dtype).itemsize  # a file of nothing cannot be mapped
    with path.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, room)
    return np.memmap(path, dtype, "r+")


class Weigher:
    """Lucene's BM25 of a term in a passage, with exact lengths.

    Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009; as in Lucene without the constant
    factor k1 + 1, with an idf that is never negative, and with averages over passages that have terms.
    Lucene rounds lengths above 40 to one byte, so its scores of longer passages differ a little.
    """

    def __init__(self, lengths: Ints, document_frequency: npt.NDArray[np.int64], config: SparseConfig) -> None:
        documents = max(1, int(np.count_nonzero(lengths)))
        relative = lengths / max(1.0, float(lengths.sum(dtype=np.int64)) / documents)
        self._norm = config.k1 * (1 - config.b + config.b * relative)
        self._idf = np.log1p((documents - document_frequency + 0.5) / (document_frequency + 0.5))

    def __call__(self, terms: Ints, rows: Ints, frequencies: Ints) -> npt.NDArray[np.float32]:
        """Return the score of each term in each passage."""
        score = self._idf[terms] * frequencies / (frequencies + self._norm[rows])
        return score.astype(np.float32)
