"""The forest adds up what LightGBM adds up, and refuses what is none."""

from __future__ import annotations

import lightgbm
import numpy as np
import pytest

from tamis.errors import DamagedFile
from tamis.rankers.blend.contributions import contributions
from tamis.rankers.blend.forest import Forest
from tamis.training.blend.forest import NO_TREES


def learned(trees: int = 40, missing: bool = True) -> tuple[lightgbm.Booster, np.ndarray]:
    """A small ranker over columns with and without missing values."""
    generator = np.random.default_rng(1)
    values = generator.normal(size=(3_000, 6)).astype(np.float32)
    values[:, 2] = np.round(values[:, 2])
    if missing:
        values[generator.random(values.shape) < 0.2] = np.nan
    labels = (np.nan_to_num(values[:, 0]) + np.nan_to_num(values[:, 2]) > 0.5).astype(int)
    data = lightgbm.Dataset(values, labels, group=[30] * 100)
    params = {"objective": "lambdarank", "num_leaves": 9, "verbose": -1, "num_threads": 1, "seed": 0}
    return lightgbm.train(params, data, trees), values


@pytest.mark.parametrize("missing", [True, False])
def test_scores_are_lightgbms_own_bit_by_bit(missing: bool) -> None:
    booster, values = learned(missing=missing)
    forest = Forest.parse(booster.model_to_string())
    assert (forest.trees, forest.features) == (40, 6)
    values[:50] = np.nan  # also where none was missing in training
    values[50:60] = 0.0
    assert forest.score(values).tobytes() == np.asarray(booster.predict(values, raw_score=True)).tobytes()
    alone = np.concatenate([forest.score(values[row : row + 1]) for row in range(100)])
    assert alone.tobytes() == forest.score(values)[:100].tobytes()


@pytest.mark.parametrize("missing", [True, False])
def test_contributions_are_lightgbms_own(missing: bool) -> None:
    booster, values = learned(missing=missing)
    forest, rows = Forest.parse(booster.model_to_string()), values[:40]
    found = contributions(forest, rows)
    np.testing.assert_allclose(found, booster.predict(rows, pred_contrib=True), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(found.sum(axis=1), forest.score(rows), rtol=1e-9)


def test_a_forest_without_trees_says_nothing() -> None:
    forest = Forest.parse(NO_TREES)
    assert forest.trees == 0
    assert forest.score(np.ones((3, 1), np.float32)).tolist() == [0.0, 0.0, 0.0]


def test_garbled_text_is_refused() -> None:
    """Whatever is cut off or overwritten: an error, or trees that hang together; never a crash."""
    text = learned(trees=5)[0].model_to_string()
    generator = np.random.default_rng(2)
    values = np.zeros((3, 6), np.float32)
    for change in ("", "no model", text[:200], text[: len(text) // 3], text.replace("end of trees", "")):
        with pytest.raises(DamagedFile, match="LightGBM model"):
            Forest.parse(change)
    for place in generator.integers(0, text.index("end of trees"), 300):
        garbled = text[:place] + chr(generator.integers(32, 127)) + text[place + 1 :]
        try:
            Forest.parse(garbled).score(values)
        except DamagedFile:
            continue


@pytest.mark.parametrize(
    ("old", "new"),
    [("left_child=", "left_child=8 "), ("split_feature=", "split_feature=6 "), ("leaf_value=", "leaf_value=nan ")],
)
def test_a_node_column_or_leaf_that_is_not_there_is_refused(old: str, new: str) -> None:
    """The first number of the list gives way to one that is out of bounds."""
    text = learned(trees=1)[0].model_to_string()
    head, _, rest = text.partition(old)
    with pytest.raises(DamagedFile, match="LightGBM model"):
        Forest.parse(head + new + rest.partition(" ")[2])
