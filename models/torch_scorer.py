"""TorchScorer: a model that scores, on its way to ONNX; what cross-encoders and T5 rerankers have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from transformers import AutoTokenizer

from tamis.errors import DamagedFile, InvalidInput

from .torch_source import CANNOT_LOAD, LOADING, licence_of, quiet, save_tokenizer, weights_hash

OUTPUT = "score"
"""Name of the graph's output."""

UNLIMITED = 100_000
"""A tokenizer that says it reads more than this has no limit of its own."""


@dataclass(frozen=True)
class TorchScorer(ABC):
    """A loaded model that scores, whichever kind it is."""

    folder: Path
    model: Any
    tokenizer: Any

    @property
    @abstractmethod
    def logits(self) -> int:
        """Numbers that the score is made of."""

    @property
    @abstractmethod
    def window(self) -> int:
        """Tokens that the model reads, special tokens included."""

    @property
    def vocabulary(self) -> int:
        """Rows of the embedding matrix."""
        return int(self.model.get_input_embeddings().weight.shape[0])

    @property
    def licence(self) -> str | None:
        """The licence that the model card names."""
        return licence_of(self.folder)

    @property
    def weights_sha256(self) -> str:
        """Sha256 of the weights' file; of several, that of their names and hashes."""
        return weights_hash(self.folder)

    def save_tokenizer(self, path: Path) -> None:
        """Write the tokenizer for the `tokenizers` library."""
        save_tokenizer(self.tokenizer, path)

    @abstractmethod
    def score(self, pairs: Sequence[tuple[str, str]], window: int) -> npt.NDArray[np.float32]:
        """Score with torch and the model's own tokenizer, one by one: float32[pairs]."""

    @abstractmethod
    def fits(self, pair: tuple[str, str], window: int) -> bool:
        """Tell whether the model's own tokenizer gives `score` the tokens that a bundle reads."""

    @abstractmethod
    def save_graph(self, path: Path, half: bool) -> None:
        """Write the ONNX graph: token ids in, float32[batch] out; fp16 inside where `half`."""


def load_model(auto: Any, folder: Path) -> tuple[Any, Any]:
    """Load model and tokenizer with a class of transformers' Auto family.

    Raises:
        InvalidInput: the folder is no model's, or has no tokenizer of the `tokenizers` library.
        DamagedFile: its files cannot be loaded, or weights are missing, which would be made up at random.
    """
    if not (folder / "config.json").is_file():
        raise InvalidInput(f"{folder} has no config.json: expected a folder that transformers saved")
    with quiet():
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            model, report = _from_pretrained(auto, folder, torch.float32, output_loading_info=True)
        except CANNOT_LOAD as error:
            raise DamagedFile(f"transformers cannot load {folder}: {error}") from error
    if missing := sorted(report["missing_keys"]):
        raise DamagedFile(f"{folder} lacks {len(missing)} of the model's weights, such as {missing[0]}")
    if not getattr(tokenizer, "is_fast", False):
        raise InvalidInput(f"{folder} has a tokenizer written in Python, expected one of the `tokenizers` library")
    return model.eval(), tokenizer


def _from_pretrained(auto: Any, folder: Path, dtype: torch.dtype, **more: Any) -> Any:
    options = {**LOADING, "dtype": dtype, "local_files_only": True, **more}
    try:
        return auto.from_pretrained(folder, **options)
    except ValueError as error:
        if "scaled_dot_product_attention" not in str(error):
            raise
        return auto.from_pretrained(folder, **{**options, "attn_implementation": "eager"})


def load_half(auto: Any, folder: Path) -> torch.nn.Module:
    """Load a model in fp16, as GPUs run it."""
    with quiet():
        return cast(torch.nn.Module, _from_pretrained(auto, folder, torch.float16).eval())
