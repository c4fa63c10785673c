"""A sentence-transformers model on its way to ONNX: what it is, its graph, and its own vectors to compare with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import orjson
import torch
from sentence_transformers import SentenceTransformer
from torch.nn import functional
from transformers import AutoModel

from tamis.errors import DamagedFile, InvalidInput

from .settings import Pooling
from .torch_source import CANNOT_LOAD, LOADING, licence_of, quiet, save_graph, save_tokenizer, weights_hash


class _Graph(torch.nn.Module):
    """Transformer, pooling and normalisation as one graph: token ids in, vectors out."""

    def __init__(self, transformer: torch.nn.Module, pooling: Pooling, normalise: bool) -> None:
        super().__init__()
        self.transformer, self.pooling, self.normalise = transformer, pooling, normalise

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """int64[batch, sequence] twice -> float32[batch, dimension]."""
        tokens = self.transformer(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        if self.pooling == "cls":
            vectors = tokens[:, 0]
        else:
            weights = attention_mask.unsqueeze(-1).to(tokens.dtype)  # [batch, sequence, 1]
            vectors = (tokens * weights).sum(1) / weights.sum(1).clamp(min=1e-9)
        return functional.normalize(vectors, p=2.0, dim=1) if self.normalise else vectors


@dataclass(frozen=True)
class TorchEncoder:
    """A loaded sentence-transformers model whose parts a bundle can hold."""

    folder: Path
    """Where its weights are."""
    model: SentenceTransformer
    pooling: Pooling
    normalise: bool

    @classmethod
    def load(cls, folder: Path) -> TorchEncoder:
        """Load from a local folder: safetensors only, no code of the model's own.

        Raises:
            InvalidInput: it is no sentence-transformers model, or has parts that a bundle cannot hold.
            DamagedFile: its files cannot be loaded.
        """
        if not (folder / "modules.json").is_file():
            raise InvalidInput(f"{folder} has no modules.json: expected a folder that sentence-transformers saved")
        with quiet():
            try:
                model = SentenceTransformer(str(folder), device="cpu", local_files_only=True, model_kwargs=LOADING)
                weights = folder / orjson.loads((folder / "modules.json").read_bytes())[0]["path"]
                _, report = AutoModel.from_pretrained(weights, output_loading_info=True, **LOADING)
            except CANNOT_LOAD as error:
                raise DamagedFile(f"sentence-transformers cannot load {folder}: {error}") from error
        # Without this, transformers would make the missing ones up, at random. The pooler is not used.
        if missing := sorted(name for name in report["missing_keys"] if not name.startswith("pooler.")):
            raise DamagedFile(f"{weights} lacks {len(missing)} of the model's weights, such as {missing[0]}")
        model.eval()
        pooling, normalise = _parts(model, folder)
        return cls(weights, model, pooling, normalise)

    @property
    def _transformer(self) -> Any:  # torch declares the attributes of any module as Tensor | Module
        return self.model[0].auto_model

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self._transformer.config.hidden_size)

    @property
    def max_length(self) -> int:
        """Tokens that the model reads, special tokens included."""
        config = self._transformer.config
        limits = (self.model.max_seq_length, getattr(config, "max_position_embeddings", None))
        return min(int(limit) for limit in limits if limit is not None)

    @property
    def query_prefix(self) -> str:
        """The model's own prompt for queries."""
        return self._prompt("query")

    @property
    def passage_prefix(self) -> str:
        """The model's own prompt for passages."""
        return self._prompt("document", "passage", "corpus")

    def _prompt(self, *names: str) -> str:
        prompts = self.model.prompts
        candidates = (*names, self.model.default_prompt_name or "")
        return next((prompt for name in candidates if (prompt := prompts.get(name))), "")

    @property
    def licence(self) -> str | None:
        """The licence that the model card names."""
        return licence_of(self.folder)

    @property
    def weights_sha256(self) -> str:
        """Sha256 of the weights' file; of several, that of their names and hashes."""
        return weights_hash(self.folder)

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Encode with sentence-transformers itself, prompts left to the caller: float32[texts, dimension]."""
        with quiet():
            vectors = self.model.encode(list(texts), prompt="", batch_size=8, show_progress_bar=False)
        return np.asarray(vectors, np.float32)

    def save_tokenizer(self, path: Path) -> None:
        """Write the tokenizer for the `tokenizers` library, with neither padding nor truncation set."""
        save_tokenizer(self.model.tokenizer, path)

    def save_graph(self, path: Path) -> None:
        """Write the ONNX graph, any batch and any length, weights inside.

        Raises:
            InvalidInput: the weights are too large for one file.
        """
        graph = _Graph(self._transformer, self.pooling, self.normalise)
        save_graph(graph, ("input_ids", "attention_mask"), "sentence_embedding", self.folder, path)


def _parts(model: SentenceTransformer, folder: Path) -> tuple[Pooling, bool]:
    """Read pooling and normalisation off the model's modules; refuse what the graph would leave out."""
    names = [type(module).__name__ for module in model]
    if names not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
        raise InvalidInput(
            f"{folder} is made of {' -> '.join(names)}, expected Transformer -> Pooling, with or without Normalize"
        )
    transformer, pooling = model[0], cast(Any, model[1])
    mode = pooling.pooling_mode
    if mode not in ("mean", "cls"):
        raise InvalidInput(f"{folder} pools by {mode!r}, expected 'mean' or 'cls'")
    if not pooling.include_prompt and any(model.prompts.values()):
        raise InvalidInput(
            f"{folder} leaves its prompts out of pooling, which a bundle cannot: include_prompt is false"
        )
    if getattr(transformer, "query_expansion", None):
        raise InvalidInput(f"{folder} expands queries by mask tokens, which a bundle cannot")
    if not getattr(model.tokenizer, "is_fast", False):
        raise InvalidInput(f"{folder} has a tokenizer written in Python, expected one of the `tokenizers` library")
    return cast(Pooling, mode), len(names) == 3
