"""What every training shares: which groups, which target, how it runs, what it is worth."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tamis.errors import InvalidInput

from .groups import Group
from .recipe import Recipe, Running

METRIC = "dev_reciprocal_rank"


def mixed(groups: Sequence[Group], recipe: Running) -> list[Group]:
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


def running(recipe: Running, out: Path) -> dict[str, Any]:
    """Return the arguments of transformers' trainer, and of those made from it."""
    import torch

    return {
        "output_dir": str(out / "checkpoints"),
        "max_steps": recipe.steps,
        "per_device_train_batch_size": recipe.groups_per_step,
        "learning_rate": recipe.learning_rate,
        "warmup_steps": int(recipe.warmup * recipe.steps),
        "lr_scheduler_type": "linear",
        "weight_decay": 0.01,
        "eval_strategy": "steps",
        "eval_steps": recipe.evaluate_every,
        "save_strategy": "steps",
        "save_steps": recipe.evaluate_every,
        "save_total_limit": recipe.averaged + 1,
        "load_best_model_at_end": True,
        "metric_for_best_model": f"eval_{METRIC}",
        "greater_is_better": True,
        "logging_steps": 25,
        "report_to": [],
        "seed": recipe.seed,
        "use_cpu": not torch.cuda.is_available(),
        "bf16": _has_bf16() if recipe.bf16 is None else recipe.bf16,
        "dataloader_pin_memory": torch.cuda.is_available(),
    }


def train(trainer: Any, out: Path) -> None:
    """Train, or go on where an earlier call was interrupted; the model computes in its own precision afterwards."""
    trainer.train(resume_from_checkpoint=any((out / "checkpoints").glob("checkpoint-*")) or None)
    # The trainer leaves the model computing in bfloat16, where that is what it trained in.
    trainer.accelerator.unwrap_model(trainer.model, keep_fp32_wrapper=False)


def _has_bf16() -> bool:
    """Say whether bfloat16 saves time here: on CPUs with instructions for it, half of it (measured on AVX-512)."""
    import torch

    known = torch.cpu.get_capabilities()
    return torch.cuda.is_available() or bool(known.get("avx512_bf16") or known.get("amx_bf16"))


def dev_values(groups: Sequence[Group], scores: Any) -> dict[str, float]:
    """Return the mean reciprocal rank of the first relevant passage: of all sources together, and of each.

    Args:
        groups: each with a relevant passage.
        scores: float[pairs], of the groups' passages one after the other.
    """
    values: dict[str, list[float]] = {}
    start = 0
    for group in groups:
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
