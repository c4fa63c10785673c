"""Logged candidates to a forest: chooses by cross-validation, then fits on all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version

import lightgbm
import numpy as np

from tamis.indexer.progress import Progress

from .choose import Choice, choose, importance
from .folds import Folds
from .learn import Part, fit, parameters
from .logged import MIXED, Logged, sampled
from .recipe import BlendRecipe

NO_TREES = "tree\nversion=v4\nmax_feature_idx=0\n\nend of trees\n"
"""A forest without trees, where none was better than the linear mix alone."""


@dataclass(frozen=True, slots=True)
class Learned:
    """A forest and the linear mix that it starts from."""

    model: str
    """In LightGBM's text format."""
    features: Sequence[str]
    """Its columns by name."""
    start: dict[str, float]
    card: dict[str, object]
    """How it was chosen, what it reached on held-out queries, and what each column's splits gained."""
    candidates: int
    """That it learned from."""


def learn(logged: Logged, parts: Folds, names: Sequence[str], recipe: BlendRecipe, progress: Progress) -> Learned:
    """Learn from logged candidates.

    Args:
        logged: candidates of the train queries.
        parts: which queries are held out together.
        names: of the columns of the features.
        recipe: how.
        progress: who is told what each trial reached.
    """
    chosen = sampled(logged, recipe.hard, recipe.random, recipe.seed)
    choice = choose(logged, parts, chosen, recipe, progress.note)
    everything = Part.of(logged, np.arange(len(logged.queries)), chosen)
    start = everything.start()
    model, used, gains = _fitted(everything, start, names, choice, recipe)
    fused = everything.lists.mean(-np.arange(len(logged.rows), dtype=np.float64))
    card: dict[str, object] = {
        "held_out_ndcg_10": {
            "folds": len(np.unique(parts.of)),
            "no_relevant_passage_in_two_folds": parts.are_apart,
            "fused": fused,
            **asdict(choice),
        },
        "importance_gain": gains,
        "recipe": recipe.model_dump(mode="json"),
        "made_with": {name: version(name) for name in ("tamis", "lightgbm", "numpy")},
    }
    weights = {arm: float(weight) for arm, weight in zip(logged.arms, start, strict=True)}
    return Learned(model, used, weights, card, len(chosen))


def _fitted(
    part: Part, start: np.ndarray, names: Sequence[str], choice: Choice, recipe: BlendRecipe
) -> tuple[str, list[str], dict[str, float]]:
    """Fit on all queries: the forest, its columns by name, and what each column's splits gained."""
    if not choice.trees:
        return NO_TREES, [MIXED if MIXED in names else names[0]], {}
    params = parameters(recipe, choice.leaves)
    columns = list(range(len(names)))
    if choice.size < len(names):
        kept = importance(fit(part, start, columns, names, params, choice.trees))[: choice.size]
        columns = sorted({*kept, *(place for place, name in enumerate(names) if name == MIXED)})  # the mix reads it
    used = [names[column] for column in columns]
    booster: lightgbm.Booster = fit(part, start, columns, used, params, choice.trees)
    gains = dict(zip(used, booster.feature_importance("gain").tolist(), strict=True))
    return booster.model_to_string(), used, dict(sorted(gains.items(), key=lambda item: -item[1]))
