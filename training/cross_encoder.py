"""Trains a cross-encoder on groups: sentence-transformers' trainer, our loss, and an average of checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from datasets import Dataset
from sentence_transformers import CrossEncoder, CrossEncoderTrainer, CrossEncoderTrainingArguments
from sentence_transformers.base.evaluation import BaseEvaluator
from transformers import EarlyStoppingCallback

from tamis.errors import InvalidInput

from .averaging import average_checkpoints
from .groups import Group
from .listwise import SoftListwiseLoss
from .recipe import Recipe
from .running import METRIC, dev_values, mixed, running, target, train


def train_cross_encoder(init: str, groups: Sequence[Group], dev: Sequence[Group], recipe: Recipe, out: Path) -> float:
    """Train, and save the best model to `out/model`; the same call continues an interrupted training.

    Args:
        init: folder or hub id of the weights to start from; a model without a score gets a new one.
        groups: what to learn.
        dev: groups held out, on which the best checkpoint is chosen.
        recipe: how.
        out: folder for checkpoints and the model.

    Returns:
        Mean reciprocal rank of the relevant passages on `dev`, averaged over its sources.

    Raises:
        InvalidInput: there are no groups.
    """
    if not groups or not dev:
        raise InvalidInput(f"training needs groups and dev groups, got {len(groups)} and {len(dev)}")
    chosen = mixed(groups, recipe)
    model = CrossEncoder(
        init,
        num_labels=1,
        max_length=recipe.max_length,
        config_kwargs=_dropout(recipe.dropout),
        activation_fn=torch.nn.Identity(),  # a sigmoid would round the best scores to equal ones
    )
    evaluator = GroupEvaluator(dev)
    trainer = CrossEncoderTrainer(
        model=model,
        args=CrossEncoderTrainingArguments(**running(recipe, out)),
        train_dataset=_dataset(chosen, recipe),
        loss=SoftListwiseLoss(model),
        evaluator=evaluator,
        callbacks=[EarlyStoppingCallback(early_stopping_patience=recipe.patience)],
    )
    train(trainer, out)
    best = evaluator(model)[METRIC]
    model.save_pretrained(str(out / "model"))
    averaged = average_checkpoints(out / "checkpoints", recipe.averaged, model)
    if averaged is not None and (value := evaluator(averaged)[METRIC]) > best:
        averaged.save_pretrained(str(out / "model"))
        best = value
    return float(best)


def _dataset(groups: Sequence[Group], recipe: Recipe) -> Dataset:
    return Dataset.from_dict(
        {
            "query": [group.query for group in groups],
            "passages": [list(group.passages) for group in groups],
            "labels": [target(group, recipe) for group in groups],
        }
    )


def _dropout(share: float) -> dict[str, float]:
    return {"hidden_dropout_prob": share, "attention_probs_dropout_prob": share}


class GroupEvaluator(BaseEvaluator):
    """Mean reciprocal rank of the first relevant passage in groups, averaged over their sources."""

    def __init__(self, groups: Sequence[Group]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.groups = [group for group in groups if (group.relevance > 0).any()]
        self.primary_metric = METRIC

    def __call__(  # type: ignore[override]
        self, model: CrossEncoder, output_path: str | None = None, epoch: int = -1, steps: int = -1
    ) -> dict[str, float]:
        """Return the value of all sources together and of each."""
        pairs = [(group.query, passage) for group in self.groups for passage in group.passages]
        scores = model.predict(pairs, batch_size=32, show_progress_bar=False)
        return dev_values(self.groups, scores)
