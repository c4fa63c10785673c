"""A blend that starts from another: its score is the other's plus its own trees, and nothing is learned twice."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tamis.errors import DamagedFile, InvalidInput
from tamis.indexer.progress import Quiet
from tamis.rankers.assemble import SHIPPED
from tamis.rankers.blend.blend import Blend, read_forest
from tamis.rankers.blend.bundle import BlendBundle
from tamis.rankers.blend.explained import explain
from tamis.rankers.blend.forest import Forest
from tamis.rankers.config import PipelineConfig
from tamis.rankers.engine import Engine
from tamis.rankers.features.extract import FeatureExtractor
from tamis.rankers.ranking import Query
from tamis.training.blend.train import Trained, train_blend

from .test_train import RECIPE, judged


@pytest.fixture(scope="module")
def trained(tiny_index: Path) -> Trained:
    with Engine.open(tiny_index) as engine:
        return train_blend(engine, judged(engine.index), RECIPE, Quiet(), BlendBundle.open(SHIPPED["default"]))


@pytest.fixture(scope="module")
def folder(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained.write(tmp_path_factory.mktemp("init") / "blend").folder


def test_its_score_is_that_of_the_base_plus_its_own_trees(folder: Path, tiny_index: Path) -> None:
    own, base = BlendBundle.open(folder), BlendBundle.open(SHIPPED["default"])
    assert own.settings.start == base.settings.start
    pipelines = {"base": PipelineConfig(blend="default")}
    with Engine.open(tiny_index, PipelineConfig(blend=str(folder)), pipelines=pipelines) as engine:
        query = Query("1", "copy a whole directory tree")
        blend = engine.pipeline.blend
        assert isinstance(blend, Blend)
        (found,), (earlier,) = engine.pipeline.run([query]).rankings, engine.named("base").run([query]).rankings
        forest = Forest.parse(own.model_text())
        candidates = engine.pipeline.run([query]).stages["fused"][0]
        extractor = FeatureExtractor(
            blend.bundle.with_translations(engine.index.forward),  # type: ignore[arg-type]
            names=own.settings.features, vectors=engine.index.dense.vectors,
        )  # fmt: skip
        trees = forest.score(extractor.extract(query.text, candidates)) if forest.trees else np.zeros(len(candidates))
        added = dict(zip(candidates.rows.tolist(), trees.tolist(), strict=True))
        before = dict(zip(earlier.rows.tolist(), earlier.scores.tolist(), strict=True))
        for row, score in zip(found.rows.tolist(), found.scores.tolist(), strict=True):
            assert score == pytest.approx(before[row] + added[row], abs=1e-5)
        (parts,) = explain(blend, query, candidates, [int(found.rows[0])])
        assert parts is not None
        assert sum(parts.groups.values()) == pytest.approx(float(found.scores[0]), abs=1e-4)


def test_trees_of_other_columns_are_joined() -> None:
    """By hand: a stump on `b` worth 1 or 2, and one on `a` worth 10 or 20."""
    text = (
        "tree\nversion=v4\nmax_feature_idx=0\n\nTree=0\nnum_leaves=2\nnum_cat=0\nsplit_feature=0\nthreshold=0.5\n"
        "decision_type=2\nleft_child=-1\nright_child=-2\nleaf_value={} {}\nleaf_count=1 1\n\n\nend of trees\n"
    )
    one, ten = Forest.parse(text.format(1, 2)), Forest.parse(text.format(10, 20))
    both = one.over(["b"], ["a", "b"]).plus(ten.over(["a"], ["a", "b"]))
    assert both.trees == 2
    assert both.score(np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)).tolist() == [11, 12, 21, 22]


def test_judgments_are_not_learned_from_twice(trained: Trained, tiny_index: Path, tmp_path: Path) -> None:
    folder = replace(trained, base=None).write(tmp_path / "again").folder
    with Engine.open(tiny_index) as engine, pytest.raises(InvalidInput, match="start from one that did not"):
        train_blend(engine, judged(engine.index), RECIPE, Quiet(), BlendBundle.open(folder))


def test_a_changed_base_is_refused(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "blend"
    shutil.copytree(folder, copy)
    with (copy / "base" / "model.txt").open("a") as file:
        file.write("\n")
    with pytest.raises(DamagedFile, match=r"base/model\.txt was changed"):
        BlendBundle.open(copy)
    assert len(read_forest(BlendBundle.open(folder))[0]) >= len(BlendBundle.open(SHIPPED["default"]).settings.features)
