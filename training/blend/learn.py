"""Learns forests: LightGBM's lambdarank over logged candidates, on top of a linear start.

Burges 2010, "From RankNet to LambdaRank to LambdaMART: An Overview"; gains are the grades, as nDCG has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np
import numpy.typing as npt

from .logged import Logged
from .ndcg import Lists
from .recipe import BlendRecipe
from .start import fit_start

Doubles = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]

MOST_GRADE = 31
"""The highest grade that LightGBM tells apart."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the queries: what is learned from them, and their whole lists to be judged by."""

    logged: Logged
    queries: Places
    learned: Places
    """Candidates that are learned from."""
    everything: Places
    """All candidates of these queries."""

    @staticmethod
    def of(logged: Logged, queries: Places, chosen: Places) -> Part:
        """Take the queries of a part, and of the chosen candidates those that are theirs."""
        everything = logged.candidates_of(queries)
        return Part(logged, queries, np.intersect1d(chosen, everything, assume_unique=True), everything)

    @property
    def sizes(self) -> Places:
        """Candidates of each query."""
        return (self.logged.ends[self.queries + 1] - self.logged.ends[self.queries]).astype(np.int64)

    @property
    def lists(self) -> Lists:
        """The whole lists, to be scored."""
        logged, places = self.logged, self.queries
        return Lists(self.sizes, logged.relevance[self.everything], logged.ideal[places], logged.weights[places])

    def start(self) -> Doubles:
        """Learn the weights of the linear mix from these queries."""
        logged, places = self.logged, self.everything
        return fit_start(logged.standard[places], self.sizes, logged.relevance[places], self.lists)

    def dataset(self, places: Places, start: Doubles, columns: Sequence[int], names: Sequence[str]) -> lightgbm.Dataset:
        """Give candidates to LightGBM."""
        owner = np.searchsorted(self.logged.ends, places, "right") - 1
        return lightgbm.Dataset(
            np.ascontiguousarray(self.logged.features[np.ix_(places, np.array(columns, np.intp))]),
            label=np.minimum(self.logged.relevance[places], MOST_GRADE),
            weight=self.logged.weights[owner],
            group=np.unique(owner, return_counts=True)[1],
            init_score=self.logged.standard[places] @ start,
            feature_name=list(names),
            free_raw_data=False,
        )


def parameters(recipe: BlendRecipe, leaves: int) -> dict[str, Any]:
    """Return LightGBM's parameters."""
    return {
        "objective": "lambdarank",
        "metric": "none",
        "label_gain": list(range(MOST_GRADE + 1)),
        "lambdarank_truncation_level": recipe.cutoff,
        "num_leaves": leaves,
        "learning_rate": recipe.learning_rate,
        "min_data_in_leaf": recipe.least_in_leaf,
        "min_sum_hessian_in_leaf": 1e-3,
        "feature_fraction": recipe.columns_per_tree,
        "bagging_fraction": recipe.rows_per_tree,
        "bagging_freq": 1,
        "lambda_l2": recipe.shrinkage,
        "path_smooth": recipe.smoothing,
        "num_threads": recipe.threads,
        "seed": recipe.seed,
        "deterministic": True,
        "force_col_wise": True,
        "verbose": -1,
    }


def fit(
    part: Part, start: Doubles, columns: Sequence[int], names: Sequence[str], params: dict[str, Any], trees: int
) -> lightgbm.Booster:
    """Learn so many trees from a part."""
    return lightgbm.train(params, part.dataset(part.learned, start, columns, names), trees)


def trial(
    train: Part, held_out: Part, start: Doubles, columns: Sequence[int], recipe: BlendRecipe, leaves: int
) -> tuple[Doubles, lightgbm.Booster]:
    """Learn from one part and judge by another, after every tree.

    Returns:
        nDCG@10 of the held-out queries, float64[rounds + 1, queries], that of the linear start first; after an early
        end the last values stand. And the forest.
    """
    names = [f"f{column}" for column in columns]
    learned = train.dataset(train.learned, start, columns, names)
    lists, curve = held_out.lists, []
    places = held_out.everything
    curve.append(lists.ndcg(held_out.logged.standard[places] @ start))

    def judge(scores: Doubles, _: lightgbm.Dataset) -> tuple[str, float, bool]:
        curve.append(lists.ndcg(scores))
        return "ndcg", float(np.average(curve[-1], weights=lists.weights)), True

    judged = held_out.dataset(places, start, columns, names)
    judged.reference = learned
    booster = lightgbm.train(
        parameters(recipe, leaves), learned, recipe.rounds, valid_sets=[judged], feval=judge,
        callbacks=[lightgbm.early_stopping(recipe.patience, verbose=False)],
    )  # fmt: skip
    curve += [curve[-1]] * (recipe.rounds + 1 - len(curve))
    return np.stack(curve), booster
