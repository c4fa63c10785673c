"""Trains an encoder on groups: relevant passages against hard negatives and against the other queries' passages."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from datasets import Dataset, DatasetDict
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from sentence_transformers.base.evaluation import BaseEvaluator
from sentence_transformers.sentence_transformer.losses import MatryoshkaLoss, MultipleNegativesRankingLoss
from transformers import EarlyStoppingCallback

from tamis.errors import InvalidInput

from .averaging import mean_weights
from .groups import Group
from .recipe import EncoderRecipe
from .running import METRIC, dev_values, mixed, running, train


@dataclass(frozen=True, slots=True)
class Reached:
    """Mean reciprocal rank of the relevant passages on the dev groups, averaged over their sources."""

    start: float
    """Of the weights that the training started from."""
    trained: float
    shorter: dict[int, float]
    """Of the trained model's shorter vectors, by their length."""


def train_encoder(
    init: str, groups: Sequence[Group], dev: Sequence[Group], recipe: EncoderRecipe, out: Path
) -> Reached:
    """Train, and save the best model to `out/model`; the same call continues an interrupted training.

    The loss is InfoNCE over a batch: the relevant passage against its group's hard negatives and all passages
    of the other groups (van den Oord et al. 2018; Karpukhin et al. 2020), at every asked-for length of the
    vector at once (Matryoshka, Kusupati et al. 2022).

    Args:
        init: folder or hub id of the weights to start from.
        groups: what to learn; those without a relevant passage are left out.
        dev: groups held out, on which the best checkpoint is chosen.
        recipe: how.
        out: folder for checkpoints and the model.

    Raises:
        InvalidInput: there are no groups, the dev groups leave nothing to learn, or a dimension is not below the
            model's.
    """
    usable = [group for group in groups if (group.relevance > 0).any()]
    if not usable or not dev:
        raise InvalidInput(f"training needs groups and dev groups, got {len(usable)} and {len(dev)}")
    model = SentenceTransformer(init, device=None if torch.cuda.is_available() else "cpu")
    model.max_seq_length = recipe.max_length
    evaluator = CosineEvaluator(dev)
    start = evaluator(model)[METRIC]
    if start == 1:
        raise InvalidInput(
            f"{init} puts the relevant passage first in every dev group: no checkpoint could be better. If they were "
            "mined with vectors of these same weights, the ceiling left out all that is near: mine them again with "
            "`tamis train mine ... --ceiling 0`"
        )
    trainer = SentenceTransformerTrainer(
        model=model,
        args=SentenceTransformerTrainingArguments(**running(recipe, out)),
        train_dataset=_datasets(mixed(usable, recipe), recipe),
        loss=_loss(model, recipe),
        evaluator=evaluator,
        callbacks=[EarlyStoppingCallback(early_stopping_patience=recipe.patience)],
    )
    train(trainer, out)
    best = evaluator(model)[METRIC]
    averaged = mean_weights(out / "checkpoints", recipe.averaged)
    if averaged is not None:
        candidate = copy.deepcopy(model)
        cast(torch.nn.Module, candidate[0].auto_model).load_state_dict(averaged)
        if (value := evaluator(candidate)[METRIC]) > best:
            model, best = candidate, value
    model.save_pretrained(str(out / "model"))
    shorter = {size: CosineEvaluator(dev, size)(model)[METRIC] for size in recipe.dimensions}
    return Reached(start, best, shorter)


def _loss(model: SentenceTransformer, recipe: EncoderRecipe) -> torch.nn.Module:
    loss = MultipleNegativesRankingLoss(model, scale=recipe.scale)
    if not recipe.dimensions:
        return loss
    whole = model.get_embedding_dimension()
    if whole is None or not all(0 < size < whole for size in recipe.dimensions):
        raise InvalidInput(f"dimensions are {list(recipe.dimensions)}; expected lengths below the model's {whole}")
    return MatryoshkaLoss(model, loss, [whole, *recipe.dimensions])


def _datasets(groups: Sequence[Group], recipe: EncoderRecipe) -> DatasetDict:
    """Put each group in a row: its query, its most relevant passage, its hard negatives.

    Rows of a batch have the same number of negatives, so groups are kept apart by it.
    """
    by_count: dict[int, list[list[str]]] = {}
    for group in groups:
        row = _row(group, recipe.negatives)
        by_count.setdefault(len(row) - 2, []).append(row)
    return DatasetDict(
        {
            f"negatives_{count}": Dataset.from_dict(
                {name: [row[place] for row in rows] for place, name in enumerate(_columns(count))}
            )
            for count, rows in sorted(by_count.items())
        }
    )


def _columns(negatives: int) -> list[str]:
    return ["query", "relevant", *(f"negative_{place + 1}" for place in range(negatives))]


def _row(group: Group, negatives: int) -> list[str]:
    """Return query, the passage of the highest grade, and those that are not relevant, the teacher's best first."""
    order = np.argsort(-group.teacher, kind="stable").tolist()
    hard = [group.passages[place] for place in order if group.relevance[place] <= 0]
    return [group.query, group.passages[int(np.argmax(group.relevance))], *hard[:negatives]]


class CosineEvaluator(BaseEvaluator):
    """Mean reciprocal rank of the first relevant passage in groups, by cosine, averaged over their sources."""

    def __init__(self, groups: Sequence[Group], dimension: int | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.groups = [group for group in groups if (group.relevance > 0).any()]
        self.dimension = dimension
        self.primary_metric = METRIC

    def __call__(  # type: ignore[override]
        self, model: SentenceTransformer, output_path: str | None = None, epoch: int = -1, steps: int = -1
    ) -> dict[str, float]:
        """Return the value of all sources together and of each."""
        texts = list(dict.fromkeys(passage for group in self.groups for passage in group.passages))
        place = {text: number for number, text in enumerate(texts)}
        passages, queries = self._vectors(model, texts), self._vectors(model, [group.query for group in self.groups])
        scores = [
            passages[[place[passage] for passage in group.passages]] @ query
            for group, query in zip(self.groups, queries, strict=True)
        ]
        return dev_values(self.groups, np.concatenate(scores))

    def _vectors(self, model: SentenceTransformer, texts: list[str]) -> Any:
        return model.encode(
            texts, batch_size=64, normalize_embeddings=True, truncate_dim=self.dimension, show_progress_bar=False
        )
