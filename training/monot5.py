"""Trains a monoT5 on groups: transformers' trainer, the served layout of prompts, and the default reranker's loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from transformers import EarlyStoppingCallback, Trainer, TrainingArguments

from tamis.errors import InvalidInput
from tamis.models.export_scorer import PROMPTS, TARGETS
from tamis.models.layout import PairLayout, filled_layout, first_ids
from tamis.models.torch_text_ranker import TorchTextRanker

from .averaging import mean_weights
from .groups import Group
from .listwise import soft_listwise
from .recipe import Recipe
from .running import METRIC, dev_values, mixed, running, target, train


@dataclass(frozen=True, slots=True)
class Prompted:
    """A T5 with its prompt and its two words, as it will be exported."""

    ranker: TorchTextRanker
    layout: PairLayout

    @classmethod
    def load(cls, init: Path, prompt: str, targets: tuple[str, str], window: int) -> Prompted:
        """Load weights to start from.

        Raises:
            InvalidInput: it is no T5, or prompt, targets or window do not fit it.
            DamagedFile: its files cannot be loaded.
        """
        ranker = TorchTextRanker.load(init, prompt, targets)
        return cls(ranker, filled_layout(ranker.tokenizer.backend_tokenizer, prompt, window))

    def tokens(self, pairs: Sequence[tuple[str, str]]) -> dict[str, torch.Tensor]:
        """Make what the encoder reads: int64[pairs, longest] twice, the passage cut and the prompt's end kept."""
        tokenizer = self.ranker.tokenizer
        ids = [self.layout.join(self._ids(query), self._ids(text)).ids.tolist() for query, text in pairs]
        padded: dict[str, torch.Tensor] = tokenizer.pad({"input_ids": ids}, return_tensors="pt")
        return {name: padded[name] for name in ("input_ids", "attention_mask")}

    def _ids(self, text: str) -> list[int]:
        return first_ids(self.ranker.tokenizer.backend_tokenizer, text, self.layout.window)

    def scores(self, model: Any, tokens: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return float32[pairs]: log-odds of the first word against the second, in the order of what is served."""
        start = torch.full_like(tokens["input_ids"][:, :1], model.config.decoder_start_token_id)
        logits = model(**tokens, decoder_input_ids=start).logits[:, 0, list(self.ranker.targets)].float()
        odds: torch.Tensor = logits[:, 0] - logits[:, 1]
        return odds


def train_monot5(
    init: Path,
    groups: Sequence[Group],
    dev: Sequence[Group],
    recipe: Recipe,
    out: Path,
    prompt: str = PROMPTS["monot5"],
    targets: tuple[str, str] = TARGETS,
) -> float:
    """Train, and save the best model to `out/model`; the same call continues an interrupted training.

    Nogueira et al. 2020 train single pairs; lists as here are RankT5's way (Zhuang et al. 2022).

    Args:
        init: folder of a T5, whose tokenizer knows the targets.
        groups: what to learn.
        dev: groups held out, on which the best checkpoint is chosen.
        recipe: how.
        out: folder for checkpoints and the model.
        prompt: with `{query}` and `{passage}`.
        targets: words for relevant and not.

    Returns:
        Mean reciprocal rank of the relevant passages on `dev`, averaged over its sources.

    Raises:
        InvalidInput: there are no groups, or the model does not fit.
    """
    if not groups or not dev:
        raise InvalidInput(f"training needs groups and dev groups, got {len(groups)} and {len(dev)}")
    model = Prompted.load(init, prompt, targets, recipe.max_length)
    model.ranker.model.config.dropout_rate = recipe.dropout
    for module in model.ranker.model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = recipe.dropout
    trainer = _Trainer(model, mixed(groups, recipe), dev, recipe, out)
    train(trainer, out)
    best = trainer.worth()
    _save(model, out)
    averaged = mean_weights(out / "checkpoints", recipe.averaged)
    if averaged is not None:
        model.ranker.model.load_state_dict(averaged, strict=False)  # tied weights are in the file once
        if (value := trainer.worth()) > best:
            _save(model, out)
            best = value
    return best


def _save(model: Prompted, out: Path) -> None:
    model.ranker.model.save_pretrained(out / "model")
    model.ranker.tokenizer.save_pretrained(out / "model")


class _Trainer(Trainer):
    """transformers' trainer over groups."""

    def __init__(
        self, prompted: Prompted, groups: Sequence[Group], dev: Sequence[Group], recipe: Recipe, out: Path
    ) -> None:
        self._prompted, self._recipe = prompted, recipe
        self._dev = [group for group in dev if (group.relevance > 0).any()]
        super().__init__(
            model=prompted.ranker.model,
            args=TrainingArguments(**running(recipe, out), remove_unused_columns=False),
            train_dataset=list(groups),
            eval_dataset=list(self._dev),
            data_collator=self._collate,
            callbacks=[EarlyStoppingCallback(early_stopping_patience=recipe.patience)],
        )

    def _collate(self, groups: Sequence[Group]) -> dict[str, Any]:
        pairs = [(group.query, passage) for group in groups for passage in group.passages]
        targets = [torch.tensor(target(group, self._recipe)) for group in groups]
        return {**self._prompted.tokens(pairs), "targets": targets}

    def compute_loss(self, model: Any, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Return the mean loss over the lists of a batch."""
        tokens = {name: inputs[name] for name in ("input_ids", "attention_mask")}
        return soft_listwise(self._prompted.scores(model, tokens), inputs["targets"])

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        """Score the dev groups, and tell the callbacks."""
        found = {f"eval_{name}": value for name, value in self._values().items()}
        self.log(found)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, found)
        return found

    def worth(self) -> float:
        """Return the value that decides which checkpoint is best."""
        return self._values()[METRIC]

    def _values(self) -> dict[str, float]:
        pairs = [(group.query, passage) for group in self._dev for passage in group.passages]
        order = sorted(range(len(pairs)), key=lambda place: len(pairs[place][1]))
        scores: npt.NDArray[np.float32] = np.empty(len(pairs), np.float32)
        model = self._prompted.ranker.model.eval()
        with torch.no_grad():
            for start in range(0, len(order), 32):
                places = order[start : start + 32]
                tokens = self._prompted.tokens([pairs[place] for place in places])
                moved = {name: values.to(model.device) for name, values in tokens.items()}
                scores[places] = self._prompted.scores(model, moved).cpu().numpy()
        return dev_values(self._dev, scores)
