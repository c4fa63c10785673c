"""The loss of the default reranker: a list in the order of judgments and a teacher together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from sentence_transformers import CrossEncoder
from sentence_transformers.util import batch_to_device
from torch import Tensor, nn


def soft_listwise(scores: Tensor, targets: Sequence[Tensor]) -> Tensor:
    """Return the mean cross-entropy between lists of scores and their target distributions (see below).

    Args:
        scores: float[pairs], the lists one after the other.
        targets: logits of each list's target.
    """
    lists = torch.split(scores, [len(target) for target in targets])
    losses = [
        nn.functional.cross_entropy(found, target.to(found).softmax(dim=0))
        for found, target in zip(lists, targets, strict=True)
    ]
    return torch.stack(losses).mean()


class SoftListwiseLoss(nn.Module):
    """Cross-entropy between the model's distribution over a list and a target (ListNet, Cao et al. 2007).

    The target is `softmax(sharpness * teacher + boost * [relevant])`: the teacher orders what nobody
    judged, a judgment outweighs the teacher. Labels come as `soft_labels` makes them.

    All pairs of a batch are sorted by length and run in small batches of like length, since padding is
    most of what a batch of mixed passages computes on a CPU.
    """

    def __init__(self, model: CrossEncoder, mini_batch_size: int = 16) -> None:
        super().__init__()
        self.model = model
        self.mini_batch_size = mini_batch_size

    def forward(
        self,
        inputs: Sequence[Sequence[Any]],
        labels: Sequence[Tensor],
        prompt: str | None = None,
        task: str | None = None,
    ) -> Tensor:
        """Return the mean loss over the lists of a batch.

        Args:
            inputs: the queries, and the passages of each.
            labels: target logits of each list.
            prompt: unused; the trainer passes it.
            task: unused; the trainer passes it.
        """
        queries, lists = inputs
        pairs = [(query, passage) for query, passages in zip(queries, lists, strict=True) for passage in passages]
        order = sorted(range(len(pairs)), key=lambda place: len(pairs[place][1]))
        parts = [order[start : start + self.mini_batch_size] for start in range(0, len(order), self.mini_batch_size)]
        scores = torch.cat([self._score([pairs[place] for place in part]) for part in parts])
        back = torch.empty(len(order), dtype=torch.long)
        back[torch.tensor(order)] = torch.arange(len(order))
        return soft_listwise(scores[back.to(scores.device)], labels)

    def _score(self, pairs: list[tuple[str, str]]) -> Tensor:
        tokens = batch_to_device(self.model.preprocess(pairs), self.model.device)
        scores: Tensor = self.model(tokens)["scores"]
        return scores.view(-1).float()

    def get_config_dict(self) -> dict[str, int]:
        """Return the settings, for the model card."""
        return {"mini_batch_size": self.mini_batch_size}
