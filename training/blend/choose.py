"""Chooses a blend's features, leaves and trees by cross-validation inside the train queries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import lightgbm
import numpy as np
import numpy.typing as npt

from .folds import Folds
from .learn import Part, trial
from .logged import Logged
from .recipe import BlendRecipe

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen, and the held-out nDCG@10 behind it; every query was held out once."""

    size: int
    """Features that are used; the most important ones of the full forest."""
    leaves: int
    trees: int
    start: float
    """Of the linear mix alone."""
    full: float
    """With all features."""
    chosen: float
    """With those that are used."""
    tried: dict[str, float]
    """By number of features and leaves; the best number of trees of each."""


def choose(logged: Logged, parts: Folds, chosen: npt.NDArray[np.int64], recipe: BlendRecipe, say: Report) -> Choice:
    """Try all features and fewer, then other numbers of leaves; take the smallest set that is about as good as all.

    Args:
        logged: candidates of the train queries.
        parts: which queries are held out together.
        chosen: candidates that are learned from.
        recipe: what is tried.
        say: told what each trial reached.
    """
    pairs = [_pair(logged, parts, chosen, fold) for fold in np.unique(parts.of)]
    starts = [train.start() for train, _ in pairs]
    width = logged.features.shape[1]
    weights = np.concatenate([held_out.lists.weights for _, held_out in pairs])
    tried: dict[str, float] = {}

    def attempt(columns: Sequence[Sequence[int]], leaves: int) -> tuple[float, int, list[lightgbm.Booster]]:
        found = [
            trial(train, held_out, start, names, recipe, leaves)
            for (train, held_out), start, names in zip(pairs, starts, columns, strict=True)
        ]
        curve = np.average(np.concatenate([values for values, _ in found], axis=1), axis=1, weights=weights)
        trees = int(curve.argmax())
        label = f"{len(columns[0])} features, {leaves} leaves"
        tried[label] = float(curve[trees])
        say(f"{label}: {curve[trees]:.4f} with {trees} trees; the linear mix alone {curve[0]:.4f}")
        return float(curve[trees]), trees, [booster for _, booster in found]

    leaves = recipe.leaves[0]
    full, trees, boosters = attempt([range(width)] * len(pairs), leaves)
    orders = [importance(booster) for booster in boosters]
    size, best = width, full
    for smaller in sorted(count for count in recipe.sizes if count < width):
        value, count, _ = attempt([order[:smaller] for order in orders], leaves)
        if value >= full - recipe.tolerance:
            size, best, trees = smaller, value, count
            break
    for other in recipe.leaves[1:]:
        value, count, _ = attempt([order[:size] for order in orders], other)
        if value > best:
            leaves, best, trees = other, value, count
    mixes = zip(pairs, starts, strict=True)
    values = [held.lists.ndcg(logged.standard[held.everything] @ start) for (_, held), start in mixes]
    linear = float(np.average(np.concatenate(values), weights=weights))
    return Choice(size, leaves, trees, linear, full, best, tried)


def importance(booster: lightgbm.Booster) -> list[int]:
    """Order columns by what their splits gained, the most important first."""
    return [int(column) for column in np.argsort(-booster.feature_importance("gain"), kind="stable")]


def _pair(logged: Logged, parts: Folds, chosen: npt.NDArray[np.int64], fold: int) -> tuple[Part, Part]:
    held_out = np.flatnonzero(parts.of == fold)
    return Part.of(logged, np.flatnonzero(parts.of != fold), chosen), Part.of(logged, held_out, chosen)
