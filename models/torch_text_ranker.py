"""monoT5 and QualT5 on their way to ONNX: a prompt in, the log-probability of one of two words out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional
from transformers import AutoModelForSeq2SeqLM

from tamis.errors import InvalidInput

from .layout import filled
from .torch_scorer import OUTPUT, UNLIMITED, TorchScorer, load_half, load_model
from .torch_source import quiet, save_graph

T5_WINDOW = 512
"""What T5 was trained with; its relative positions have no limit."""


class _TextGraph(torch.nn.Module):
    """Encoder, one step of the decoder, and two rows of the language model's head as one graph.

    Nogueira, Jiang, Pradeep and Lin 2020, "Document Ranking with a Pretrained Sequence-to-Sequence Model".
    """

    def __init__(self, model: Any, targets: tuple[int, int]) -> None:
        super().__init__()
        config = model.config
        self.encoder, self.decoder, self.start = model.encoder, model.decoder, int(config.decoder_start_token_id)
        self.head = torch.nn.Parameter(model.lm_head.weight[list(targets)].detach().clone(), requires_grad=False)
        scaled = getattr(config, "scale_decoder_outputs", config.tie_word_embeddings)
        self.scale = float(config.d_model) ** -0.5 if scaled else 1.0

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """int64[batch, sequence] twice -> float32[batch], log-softmax of the first target."""
        read = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        step = self.decoder(
            input_ids=torch.full_like(input_ids[:, :1], self.start),
            encoder_hidden_states=read,
            encoder_attention_mask=attention_mask,
            use_cache=False,
        ).last_hidden_state[:, 0]
        logits = functional.linear(step * self.scale, self.head).float()  # [batch, 2]
        return functional.log_softmax(logits, dim=1)[:, 0]


@dataclass(frozen=True)
class TorchTextRanker(TorchScorer):
    """A T5 that says one of two words after a prompt."""

    prompt: str
    targets: tuple[int, int]
    """Token ids."""

    @classmethod
    def load(cls, folder: Path, prompt: str, targets: tuple[str, str]) -> TorchTextRanker:
        """Load from a local folder: safetensors only, no code of the model's own.

        Args:
            folder: saved by transformers.
            prompt: with `{passage}`, and for rerankers `{query}` before it.
            targets: words for relevant and not; of a word of several tokens the first counts.

        Raises:
            InvalidInput: it is no T5, or the targets are not two tokens of it.
            DamagedFile: its files cannot be loaded.
        """
        model, tokenizer = load_model(AutoModelForSeq2SeqLM, folder)
        if not all(hasattr(model, part) for part in ("encoder", "decoder", "lm_head")):
            raise InvalidInput(f"{folder} is a {type(model).__name__}, expected a T5 with encoder, decoder and lm_head")
        first, second = (_target(tokenizer, word) for word in targets)
        if first == second:
            raise InvalidInput(f"the targets {targets} begin with the same token of {folder}")
        return cls(folder, model, tokenizer, prompt, (first, second))

    @property
    def logits(self) -> int:
        """One for each target."""
        return 2

    @property
    def window(self) -> int:
        """Tokens that the model reads, special tokens included."""
        limit = int(self.tokenizer.model_max_length)
        return limit if limit < UNLIMITED else T5_WINDOW

    def fits(self, pair: tuple[str, str], window: int) -> bool:
        """Tell whether the whole prompt fits: the model's own tokenizer would cut off its last words."""
        return len(self.tokenizer(filled(self.prompt, *pair))["input_ids"]) <= window

    def score(self, pairs: Sequence[tuple[str, str]], window: int) -> npt.NDArray[np.float32]:
        """Score with transformers' own generation, one by one: float32[pairs]."""
        start, scores = torch.tensor([[self.model.config.decoder_start_token_id]]), []
        with quiet(), torch.no_grad():
            for pair in pairs:
                tokens = self.tokenizer(filled(self.prompt, *pair), return_tensors="pt")
                found = self.model(
                    input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"], decoder_input_ids=start
                ).logits[0, 0, list(self.targets)]
                scores.append(float(functional.log_softmax(found, dim=0)[0]))
        return np.array(scores, np.float32)

    def save_graph(self, path: Path, half: bool) -> None:
        """Write the ONNX graph: token ids in, float32[batch] out; fp16 inside where `half`."""
        model = load_half(AutoModelForSeq2SeqLM, self.folder) if half else self.model
        save_graph(_TextGraph(model, self.targets), ("input_ids", "attention_mask"), OUTPUT, self.folder, path)


def _target(tokenizer: Any, word: str) -> int:
    """Give the token id of a target: the token itself, else the first of the word's."""
    backend = tokenizer.backend_tokenizer
    found = backend.token_to_id("▁" + word.removeprefix("▁"))
    if found is not None:
        return int(found)
    ids = backend.encode(word, add_special_tokens=False).ids
    if not ids:
        raise InvalidInput(f"target {word!r} is no token of {tokenizer.name_or_path}")
    return int(ids[0])
