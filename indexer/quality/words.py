"""Static word vectors: the mean of its tokens' vectors says what a passage is about, without running a model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from tamis.errors import DamagedFile

VECTORS, WEIGHTS, TOKENIZER = "words.npy", "weights.npy", "tokenizer.json"

LONGEST = 512
"""Tokens that are read of a passage."""


class WordVectors:
    """Means of token vectors, each token weighted by its rarity (SIF: Arora, Liang and Ma 2017)."""

    def __init__(
        self, vectors: npt.NDArray[np.float32], weights: npt.NDArray[np.float32], tokenizer: Tokenizer
    ) -> None:
        """Take vectors float32[vocabulary, dimension] and weights float32[vocabulary]."""
        self._weighted = vectors * weights[:, None]
        self._weights = weights
        self._tokenizer = tokenizer
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(LONGEST)

    @staticmethod
    def open(folder: Path) -> WordVectors:
        """Open a folder whose files were verified.

        Raises:
            DamagedFile: vectors and tokenizer do not belong together.
        """
        vectors = np.load(folder / VECTORS, allow_pickle=False).astype(np.float32)
        weights = np.load(folder / WEIGHTS, allow_pickle=False).astype(np.float32)
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        if not len(vectors) == len(weights) == tokenizer.get_vocab_size():
            raise DamagedFile(
                f"{folder}: {len(vectors)} vectors, {len(weights)} weights, {tokenizer.get_vocab_size()} tokens"
            )
        return WordVectors(vectors, weights, tokenizer)

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self._weighted.shape[1])

    def mean(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return the mean vector of each text, 0 for one without tokens: float32[texts, dimension]."""
        encoded = self._tokenizer.encode_batch_fast([_encodable(text) for text in texts], add_special_tokens=False)
        means = np.zeros((len(texts), self.dimension), np.float32)
        for place, tokens in enumerate(encoded):
            if ids := tokens.ids:
                means[place] = self._weighted[ids].sum(axis=0) / self._weights[ids].sum()
        return means


def _encodable(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
