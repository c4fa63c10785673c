"""A cross-encoder on its way to ONNX: query and passage in, one score out."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from transformers import AutoModelForSequenceClassification

from tamis.errors import InvalidInput

from .torch_scorer import OUTPUT, UNLIMITED, TorchScorer, load_half, load_model
from .torch_source import quiet, save_graph


class _PairGraph(torch.nn.Module):
    """Transformer, head and the difference of two logits as one graph."""

    def __init__(self, model: torch.nn.Module, logits: int) -> None:
        super().__init__()
        self.model, self.logits = model, logits

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor | None = None
    ) -> torch.Tensor:
        """int64[batch, sequence] two or three times -> float32[batch]."""
        types = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
        found: torch.Tensor = self.model(input_ids=input_ids, attention_mask=attention_mask, **types).logits.float()
        return found[:, 0] if self.logits == 1 else found[:, 1] - found[:, 0]


class TorchCrossEncoder(TorchScorer):
    """A transformer for sequence classification with one or two logits."""

    @classmethod
    def load(cls, folder: Path) -> TorchCrossEncoder:
        """Load from a local folder: safetensors only, no code of the model's own.

        Raises:
            InvalidInput: it has other than one or two logits, or no tokenizer of the `tokenizers` library.
            DamagedFile: its files cannot be loaded.
        """
        model, tokenizer = load_model(AutoModelForSequenceClassification, folder)
        logits = int(model.config.num_labels)
        if logits not in (1, 2):
            raise InvalidInput(f"{folder} gives {logits} logits, expected 1, or 2 with the second for relevant")
        return cls(folder, model, tokenizer)

    @property
    def logits(self) -> int:
        """1, or 2 with the second for relevant."""
        return int(self.model.config.num_labels)

    @property
    def window(self) -> int:
        """Tokens that the model reads, special tokens included."""
        config = self.model.config
        limit = getattr(config, "max_position_embeddings", None) or UNLIMITED
        # RoBERTa's positions begin behind that of the padding token.
        offset = (config.pad_token_id or 0) + 1 if "roberta" in config.model_type else 0
        return min(int(self.tokenizer.model_max_length), int(limit) - offset)

    @property
    def inputs(self) -> list[str]:
        """Names of the graph's inputs."""
        types = "token_type_ids" in self.tokenizer.model_input_names
        types = types and "token_type_ids" in inspect.signature(self.model.forward).parameters
        return ["input_ids", "attention_mask", *(["token_type_ids"] if types else [])]

    def fits(self, pair: tuple[str, str], window: int) -> bool:
        """Tell whether the query leaves room for a passage."""
        return len(self.tokenizer(pair[0])["input_ids"]) < window // 2

    def score(self, pairs: Sequence[tuple[str, str]], window: int) -> npt.NDArray[np.float32]:
        """Score with torch and the model's own tokenizer, one by one: float32[pairs]."""
        graph, scores = _PairGraph(self.model, self.logits).eval(), []
        with quiet(), torch.no_grad():
            for query, passage in pairs:
                # As lists: of two plain strings, transformers would take an empty second one for none.
                tokens = self.tokenizer(
                    [query], [passage], truncation="only_second", max_length=window, return_tensors="pt"
                )
                scores.append(float(graph(*(tokens[name] for name in self.inputs))[0]))
        return np.array(scores, np.float32)

    def save_graph(self, path: Path, half: bool) -> None:
        """Write the ONNX graph: token ids in, float32[batch] out; fp16 inside where `half`."""
        model = load_half(AutoModelForSequenceClassification, self.folder) if half else self.model
        save_graph(_PairGraph(model, self.logits), self.inputs, OUTPUT, self.folder, path)
