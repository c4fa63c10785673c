"""BM25 without Java: opens an index of `lean_build.py` and searches it with bm25s."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from tamis.errors import DamagedFile, InvalidInput, TamisError

from ..config import SparseConfig
from .analysis import analyzer_for


class LeanIndex:
    """An open index of bm25s, memory-mapped; safe to use from several threads."""

    def __init__(self, folder: Path, passages: int, config: SparseConfig) -> None:
        """Open the index in `folder`, which was built from `passages` passages.

        Raises:
            DamagedFile: it cannot be read.
        """
        import bm25s

        self.passages = passages
        try:
            index = bm25s.BM25.load(folder, mmap=True, backend="numpy", show_progress=False)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise DamagedFile(f"bm25s cannot open the word index in {folder}: {error}; build it again") from error
        # plain views of the mapped files: np.memmap itself is slow to slice
        index.scores = {name: np.asarray(part) if name != "num_docs" else part for name, part in index.scores.items()}
        self._index: bm25s.BM25 | None = index
        self._analyze = analyzer_for(config.language)

    def search(
        self, text: str, depth: int, allowed: npt.NDArray[np.bool_] | None = None, /
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
        """Return rows and scores of the best `depth` passages that share a word with `text`, best first."""
        if depth < 1:
            raise InvalidInput(f"depth is {depth}; expected at least 1")
        index = self._index
        if index is None:
            raise TamisError("this word index was closed; open it again")
        terms = index.get_tokens_ids(self._analyze(text))
        if not terms:
            return np.empty(0, np.int32), np.empty(0, np.float32)
        scores = index.get_scores_from_ids(terms)
        return best(scores if allowed is None else np.where(allowed, scores, np.float32(0)), depth)

    def close(self) -> None:
        """Let go of the files; a search after that fails."""
        self._index = None


def best(scores: npt.NDArray[np.float32], depth: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """Pick the `depth` highest scores above 0, ties by row, best first."""
    rows = np.flatnonzero(scores > 0)
    if len(rows) > depth:
        found = scores[rows]
        least = np.partition(found, -depth)[-depth]
        above = rows[found > least]
        rows = np.concatenate([above, rows[found == least][: depth - len(above)]])
    rows = rows[np.lexsort((rows, -scores[rows]))]
    return rows.astype(np.int32), scores[rows]
