"""Exact and near duplicates: the first of equal passages stays, each other one names it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from tamis.errors import MissingPrerequisite

Mode = Literal["keep", "exact", "near"]

SHINGLE = 5
"""Words in a shingle."""
PERMUTATIONS = 128
THRESHOLD = 0.9
"""Estimated Jaccard similarity of two passages' shingles above which they are near duplicates (Broder 1997)."""

_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A passage that says what an earlier one says."""

    row: int
    of: int
    """Row of the passage that stays."""
    similarity: float
    """1 where case and white space are all that differ; else estimated."""


def find_duplicates(texts: Iterable[str], mode: Mode) -> list[Duplicate]:
    """Find passages that repeat an earlier one, in the order of their rows.

    Args:
        texts: contents of the passages, in the order of rows.
        mode: `exact`: the same but for case and white space; `near`: nearly the same shingles too.

    Raises:
        MissingPrerequisite: `near` needs datasketch, and it is not installed.
    """
    if mode == "keep":
        return []
    first: dict[bytes, int] = {}
    near = _Near() if mode == "near" else None
    found = []
    for row, text in enumerate(texts):
        plain = " ".join(text.lower().split())
        original = first.setdefault(sha256(plain.encode("utf-8", "replace")).digest(), row)
        if original != row:
            found.append(Duplicate(row, original, 1.0))
        elif near is not None and (twin := near.twin(row, plain)):
            found.append(twin)
    return found


class _Near:
    """MinHash signatures of the passages that stay, in buckets (datasketch)."""

    def __init__(self) -> None:
        try:
            from datasketch import MinHash, MinHashLSH
        except ImportError:
            raise MissingPrerequisite(
                "near duplicates need datasketch: pip install 'tamis[prune]'; --duplicates exact does without"
            ) from None
        self._new = MinHash
        self._buckets = MinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS)
        self._signatures: dict[int, object] = {}

    def twin(self, row: int, text: str) -> Duplicate | None:
        words = _WORD.findall(text)
        if not words:
            return None
        shingles = {" ".join(words[start : start + SHINGLE]) for start in range(max(1, len(words) - SHINGLE + 1))}
        signature = self._new(num_perm=PERMUTATIONS)
        signature.update_batch([shingle.encode("utf-8", "replace") for shingle in shingles])
        near = [(signature.jaccard(self._signatures[other]), -other) for other in self._buckets.query(signature)]
        similarity, other = max(near, default=(0.0, 0))
        if similarity >= THRESHOLD:
            return Duplicate(row, -other, round(float(similarity), 3))
        self._buckets.insert(row, signature)
        self._signatures[row] = signature
        return None
