"""Static word vectors out of an encoder's own table of tokens: its main directions, and how rare each token is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from tamis.errors import InvalidInput
from tamis.models.bundle import ModelBundle

COMMON = 1e-3
"""SIF's constant: a token that makes up this share of all tokens weighs half (Arora, Liang and Ma 2017)."""


@dataclass(frozen=True, slots=True)
class StaticWords:
    """Vectors float32[vocabulary, dimension], weights float32[vocabulary], and the tokenizer's file."""

    vectors: npt.NDArray[np.float32]
    weights: npt.NDArray[np.float32]
    tokenizer: bytes


def static_words(bundle: ModelBundle, texts: Sequence[str], dimension: int) -> StaticWords:
    """Reduce an encoder's token table to the directions in which the tokens of some texts differ most.

    Args:
        bundle: of an encoder, fp32.
        texts: passages that say how often tokens are used.
        dimension: length of the vectors.

    Raises:
        InvalidInput: the model has no table of tokens, or the texts hold none.
    """
    tokenizer = Tokenizer.from_file(str(bundle.tokenizer))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    counts = np.zeros(tokenizer.get_vocab_size(), np.int64)
    for tokens in tokenizer.encode_batch_fast(list(texts), add_special_tokens=False):
        counts += np.bincount(tokens.ids, minlength=len(counts))
    used = counts > 0
    if used.sum() <= dimension:
        raise InvalidInput(f"the passages hold {used.sum()} different tokens, expected more than {dimension}")
    table = _table(bundle, len(counts)).astype(np.float64)
    table -= np.average(table[used], axis=0, weights=counts[used])
    often = np.log1p(counts)[:, None]
    _, _, directions = np.linalg.svd((table * often)[used], full_matrices=False)
    weights = COMMON / (COMMON + (counts + 1) / counts.sum())
    vectors = (table @ directions[:dimension].T).astype(np.float16).astype(np.float32)
    return StaticWords(vectors, weights.astype(np.float16).astype(np.float32), tokenizer.to_str().encode())


def _table(bundle: ModelBundle, vocabulary: int) -> npt.NDArray[np.float32]:
    import onnx

    tables = [one for one in onnx.load(str(bundle.model)).graph.initializer if tuple(one.dims)[:1] == (vocabulary,)]
    wide = [one for one in tables if len(one.dims) == 2]
    if not wide:
        raise InvalidInput(f"{bundle.model} has no table of {vocabulary} tokens; use a transformer's fp32 bundle")
    found: npt.NDArray[np.float32] = onnx.numpy_helper.to_array(wide[0])
    return found
