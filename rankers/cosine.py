"""CosineScorer: an encoder as a text scorer, by the cosine of the query's and the passage's vectors."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tamis.models.encoder import Encoder, TextKind, Vectors

REMEMBERED = 200_000
"""Passages whose vectors `remembering` keeps: 300 MB at 384 dimensions."""


class CosineScorer:
    """Scores passages by cosine similarity. Safe to use from several threads."""

    def __init__(self, encoder: Encoder, remember: int = 0) -> None:
        """Score with an open encoder.

        Args:
            encoder: for queries and passages; `close` closes it.
            remember: vectors of so many passages are kept, the first ones seen, and not computed again.
        """
        self.encoder = encoder
        self._remember = remember
        self._known: dict[str, Vectors] = {}
        self._lock = threading.Lock()
        self._tokens = 0

    @property
    def tokens_read(self) -> int:
        """Tokens read since it was opened."""
        return self._tokens

    def remembering(self, passages: int = REMEMBERED) -> CosineScorer:
        """Return a scorer on the same encoder that encodes a passage once, however many queries it is scored for."""
        return CosineScorer(self.encoder, passages)

    def score(self, query: str, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return the cosine of each text with the query: float32[texts]."""
        asked = self._encode([query], "query")[0].astype(np.float64)
        known = {text: self._known[text] for text in texts if text in self._known}
        new = list(dict.fromkeys(text for text in texts if text not in known))
        vectors = dict(zip(new, self._encode(new, "passage"), strict=True)) if new else {}
        with self._lock:
            room = max(0, self._remember - len(self._known))
            self._known.update((text, vectors[text]) for text in new[:room])
        if not texts:
            return np.empty(0, np.float32)
        found = {**known, **vectors}
        return _cosines(asked, np.stack([found[text] for text in texts]).astype(np.float64))

    def _encode(self, texts: Sequence[str], kind: TextKind) -> Vectors:
        vectors = self.encoder.encode(texts, kind)
        read = int(np.minimum(self.encoder.token_count(texts), self.encoder.bundle.settings.max_length).sum())
        with self._lock:
            self._tokens += read
        return vectors

    def close(self) -> None:
        """Close the encoder."""
        self.encoder.close()


def _cosines(query: npt.NDArray[np.float64], passages: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Return float32[passages]; sums run along each row, so that a cosine does not depend on the other rows."""
    products = (passages * query).sum(axis=1)
    lengths = np.sqrt((passages * passages).sum(axis=1) * (query * query).sum())
    found = np.zeros(len(passages))
    np.divide(products, lengths, out=found, where=lengths > 0)
    return found.astype(np.float32)
