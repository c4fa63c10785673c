"""Estimators that learn nothing, to compare with: length, chance, inverse term number, CDD."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import sha256

import numpy as np

from tamis.models.digest import sha256_json

from .role import Scores

_WORD = re.compile(r"[^\W_]+")


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


class Length:
    """Number of words: longer passages answer more."""

    name = "length"
    fingerprint = sha256_json({"estimator": "length", "version": 1})

    def score(self, texts: Sequence[str]) -> Scores:
        """Count the words of each text."""
        return np.array([len(_words(text)) for text in texts], np.float32)


class Chance:
    """A number drawn from a text's hash: what any estimator has to beat."""

    name = "random"
    fingerprint = sha256_json({"estimator": "random", "version": 1})

    def score(self, texts: Sequence[str]) -> Scores:
        """Draw a number from 0 to 1 for each text."""
        digests = (sha256(text.encode("utf-8", "replace")).digest()[:4] for text in texts)
        return np.array([int.from_bytes(digest) / 2**32 for digest in digests], np.float32)


class InverseTerms:
    """Share of a text's words that are distinct ("ITN" in Chang et al. 2024)."""

    name = "inverse-terms"
    fingerprint = sha256_json({"estimator": "inverse-terms", "version": 1})

    def score(self, texts: Sequence[str]) -> Scores:
        """Divide the number of distinct words by that of all; 0 for an empty text."""
        found = [_words(text) for text in texts]
        return np.array([len(set(words)) / max(1, len(words)) for words in found], np.float32)


class CollectionDivergence:
    """How far a passage's words are from the collection's: Kullback-Leibler divergence ("CDD": Zhu and Gauch 2000)."""

    name = "cdd"

    def __init__(self, collection: Iterable[str]) -> None:
        """Count the words of a collection, in one pass."""
        self._counts: Counter[str] = Counter()
        for text in collection:
            self._counts.update(_words(text))
        self._tokens = sum(self._counts.values())
        self.fingerprint = sha256_json({"estimator": "cdd", "counts": sorted(self._counts.items())})

    def score(self, texts: Sequence[str]) -> Scores:
        """Sum p ln(p / P) over a text's words, P with one added to each count; 0 for an empty text."""
        return np.array([self._divergence(_words(text)) for text in texts], np.float32)

    def _divergence(self, words: list[str]) -> float:
        count, whole = len(words), self._tokens + len(self._counts) + 1
        return sum(
            times / count * math.log(times / count * whole / (self._counts[word] + 1))
            for word, times in Counter(words).items()
        )
