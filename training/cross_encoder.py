"""Trains a cross-encoder on groups: sentence-transformers' trainer, our loss, and an average of checkpoints."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
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

METRIC = "dev_reciprocal_rank"


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
        args=_arguments(recipe, out),
        train_dataset=_dataset(chosen, recipe),
        loss=SoftListwiseLoss(model),
        evaluator=evaluator,
        callbacks=[EarlyStoppingCallback(early_stopping_patience=recipe.patience)],
    )
    trainer.train(resume_from_checkpoint=any((out / "checkpoints").glob("checkpoint-*")) or None)
    best = evaluator(model)[METRIC]
    model.save_pretrained(str(out / "model"))
    averaged = average_checkpoints(out / "checkpoints", recipe.averaged, model)
    if averaged is not None and (value := evaluator(averaged)[METRIC]) > best:
        averaged.save_pretrained(str(out / "model"))
        best = value
    return float(best)


def mixed(groups: Sequence[Group], recipe: Recipe) -> list[Group]:
    """Draw each source's share and shuffle all."""
    generator = random.Random(recipe.seed)
    by_source: dict[str, list[Group]] = {}
    for group in groups:
        by_source.setdefault(group.source, []).append(group)
    if unknown := recipe.shares.keys() - by_source.keys():
        raise InvalidInput(f"shares names sources {sorted(unknown)}; there are {sorted(by_source)}")
    chosen: list[Group] = []
    for source, found in sorted(by_source.items()):
        whole, part = divmod(recipe.shares.get(source, 1.0), 1.0)
        chosen += found * int(whole) + generator.sample(found, int(part * len(found)))
    generator.shuffle(chosen)
    return chosen


def target(group: Group, recipe: Recipe) -> list[float]:
    """Return the logits of the target distribution: float[n]."""
    logits: list[float] = (recipe.sharpness * group.teacher + recipe.boost * (group.relevance > 0)).tolist()
    return logits


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


def _arguments(recipe: Recipe, out: Path) -> CrossEncoderTrainingArguments:
    return CrossEncoderTrainingArguments(
        output_dir=str(out / "checkpoints"),
        max_steps=recipe.steps,
        per_device_train_batch_size=recipe.groups_per_step,
        learning_rate=recipe.learning_rate,
        warmup_steps=int(recipe.warmup * recipe.steps),
        lr_scheduler_type="linear",
        weight_decay=0.01,
        eval_strategy="steps",
        eval_steps=recipe.evaluate_every,
        save_strategy="steps",
        save_steps=recipe.evaluate_every,
        save_total_limit=recipe.averaged + 1,
        load_best_model_at_end=True,
        metric_for_best_model=f"eval_{METRIC}",
        greater_is_better=True,
        logging_steps=25,
        report_to=[],
        seed=recipe.seed,
        bf16=torch.cuda.is_available(),
    )


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
        values: dict[str, list[float]] = {}
        start = 0
        for group in self.groups:
            found = scores[start : start + len(group.passages)]
            start += len(group.passages)
            values.setdefault(group.source, []).append(reciprocal_rank(found, group.relevance))
        means = {source: float(np.mean(found)) for source, found in values.items()}
        return {METRIC: float(np.mean(list(means.values()))), **{f"dev_{name}": mean for name, mean in means.items()}}


def reciprocal_rank(scores: Any, relevance: Any) -> float:
    """Return 1 / rank of the best relevant passage; a tie with another passage counts against it."""
    best = float(np.max(scores[relevance > 0]))
    return 1.0 / (1 + int((scores[relevance <= 0] >= best).sum()))


def counts(groups: Sequence[Group]) -> dict[str, int]:
    """Count groups by source."""
    return dict(sorted(Counter(group.source for group in groups).items()))
