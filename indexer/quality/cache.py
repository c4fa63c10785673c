"""Scores by the hash of what was scored: a passage that was scored before, in whatever version, is not scored again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tamis.files import whole

from ..progress import Report
from .role import Estimator, Scores, checked

AT_ONCE = 1_024
"""Passages that are scored at once."""

_ENTRY = np.dtype([("hash", "u8"), ("score", "f4")])


class ScoreCache:
    """Scores of one estimator in one file, sorted by hash (64 bits of SHA-256)."""

    def __init__(self, folder: Path, estimator: Estimator) -> None:
        """Read what is known; a file that cannot be read is as none.

        Args:
            folder: of all caches; made where there is none.
            estimator: whose scores these are.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"{estimator.fingerprint[:32]}.npy"
        self._estimator = estimator
        try:
            self._known = np.load(self._path, allow_pickle=False)
        except (OSError, ValueError, EOFError):
            self._known = np.empty(0, _ENTRY)

    def score(self, texts: Iterator[str], total: int, report: Report) -> Scores:
        """Score texts in their order, asking the estimator only for those that it never saw; then save.

        Raises:
            InvalidInput: the estimator gave what is no number.
        """
        scores = np.empty(total, np.float32)
        hashes = np.empty(total, np.uint64)
        done = 0
        for batch in _batches(texts):
            end = done + len(batch)
            hashes[done:end] = _hashes(batch)
            scores[done:end] = self._batch(batch, hashes[done:end])
            done = end
            report(done)
        self._save(hashes, scores)
        return scores

    def _batch(self, texts: Sequence[str], hashes: npt.NDArray[np.uint64]) -> Scores:
        known = self._known["hash"]
        places = np.minimum(np.searchsorted(known, hashes), max(0, len(known) - 1))
        there = known[places] == hashes if len(known) else np.zeros(len(texts), np.bool_)
        scores = np.empty(len(texts), np.float32)
        scores[there] = self._known["score"][places[there]]
        if missing := np.flatnonzero(~there).tolist():
            scores[missing] = checked(self._estimator, [texts[place] for place in missing])
        return scores

    def _save(self, hashes: npt.NDArray[np.uint64], scores: Scores) -> None:
        new = np.empty(len(hashes), _ENTRY)
        new["hash"], new["score"] = hashes, scores
        together = np.concatenate([self._known, new])
        _, first = np.unique(together["hash"], return_index=True)
        if len(first) > len(self._known):
            self._known = together[first]
            with whole(self._path) as temporary, temporary.open("wb") as file:
                np.save(file, self._known, allow_pickle=False)


def _hashes(texts: Sequence[str]) -> npt.NDArray[np.uint64]:
    digests = (sha256(text.encode("utf-8", "replace")).digest()[:8] for text in texts)
    return np.array([int.from_bytes(digest) for digest in digests], np.uint64)


def _batches(texts: Iterator[str]) -> Iterator[list[str]]:
    while batch := list(islice(texts, AT_ONCE)):
        yield batch
