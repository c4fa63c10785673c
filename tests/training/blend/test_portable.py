"""A blend from several collections: what is held out, what counts how much, what is left out, and the command."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tamis.cli import train_blend as command
from tamis.errors import InvalidInput
from tamis.eval.judged import Judged
from tamis.indexer.progress import Quiet
from tamis.indexer.published import PublishedIndex
from tamis.rankers.blend.blend import Blend
from tamis.rankers.config import PipelineConfig
from tamis.rankers.engine import Engine
from tamis.rankers.features.schema import PLACES, SCHEMA
from tamis.rankers.ranking import Query
from tamis.training.blend.logged import Logged, joined
from tamis.training.blend.portable import PORTABLE, Source, train_portable

from .test_train import RECIPE, judged


def log(queries: int, arms: tuple[str, ...] = ("sparse",), width: int = 2) -> Logged:
    """Two candidates for each query."""
    size = 2 * queries
    return Logged(
        queries=tuple(Query(f"{number}", "x") for number in range(queries)),
        ends=np.arange(0, size + 1, 2),
        rows=np.arange(size, dtype=np.int32),
        features=np.full((size, width), queries, np.float32),
        arms=arms,
        standard=np.full((size, len(arms)), queries, np.float64),
        relevance=np.tile(np.array([0, 1], np.float32), queries),
        ideal=np.ones(queries),
        relevant=tuple(frozenset({"p"}) for _ in range(queries)),
        weights=np.ones(queries),
    )


def test_each_collection_counts_the_same_however_many_queries_it_has() -> None:
    both = joined([log(1), log(3)])
    assert both.ends.tolist() == [0, 2, 4, 6, 8]
    assert both.weights.tolist() == pytest.approx([2, 2 / 3, 2 / 3, 2 / 3])
    assert both.features[:, 0].tolist() == [1, 1, 3, 3, 3, 3, 3, 3]
    assert both.candidates_of(np.array([1])).tolist() == [2, 3]
    for other in (log(2, arms=("dense",)), log(2, width=3)):
        with pytest.raises(InvalidInput, match="the same features and scores of the same arms"):
            joined([log(1), other])


def other_half(collection: Judged) -> tuple[Judged, Judged]:
    """Part a collection in two, each with a name and judgments of its own."""
    halves = collection.queries[::2], collection.queries[1::2]
    first, second = (
        replace(collection, name=name, queries=half, qrels={query.id: collection.qrels[query.id] for query in half})
        for name, half in zip(("first", "second"), halves, strict=True)
    )
    return first, second


def test_it_is_learned_from_both_and_serves_either(tiny_index: Path, tmp_path: Path) -> None:
    with PublishedIndex.open(tiny_index) as index:
        first, second = other_half(judged(index))
    recipe = RECIPE.model_copy(update={"least_in_leaf": 3})
    sources = [Source(tiny_index, first), Source(tiny_index, second)]
    trained = train_portable(sources, PipelineConfig(), recipe, Quiet())
    told, held_out = trained.card["trained_on"], trained.card["held_out_ndcg_10"]
    assert isinstance(told, list) and isinstance(held_out, dict)
    assert [source["collection"] for source in told] == ["first", "second"]
    assert held_out["folds"] == 2 and held_out["no_relevant_passage_in_two_folds"] is True
    assert set(trained.features) <= set(PORTABLE)
    folder = trained.write(tmp_path / "blend").folder
    with Engine.open(tiny_index, PipelineConfig(blend=str(folder))) as engine:
        assert isinstance(engine.pipeline.blend, Blend)
        assert engine.search("copy a whole directory tree", k=3).hits[0].stages["blend"] is not None
    with pytest.raises(InvalidInput, match="the same judgments were given twice"):
        train_portable([sources[0], sources[0]], PipelineConfig(), recipe, Quiet())
    with pytest.raises(InvalidInput, match="two collections at least"):
        train_portable(sources[:1], PipelineConfig(), recipe, Quiet())


def test_what_is_one_indexs_own_is_not_portable() -> None:
    own = {"dense.score", "sparse.score", "feedback.3", "wordpiece.doc_size", "title.model1", "passage.quality"}
    assert own.isdisjoint(PORTABLE)
    assert {"dense.score.relative", "sparse.of_best", "analysed.coverage", "feedback.10.relative"} <= set(PORTABLE)
    assert all(SCHEMA[PLACES[name]].portable for name in PORTABLE)


def test_the_command_says_what_it_needs(tiny_index: Path) -> None:
    with pytest.raises(InvalidInput, match="--also must be INDEX=COLLECTION, got 'pydocs'"):
        command.blend(tiny_index, "pydocs", out=tiny_index / "new", also=["pydocs"])
    with pytest.raises(InvalidInput, match="is there already"):
        command.blend(tiny_index, "pydocs", out=tiny_index)
    with pytest.raises(InvalidInput, match="say `--out FOLDER`"):
        command.blend(tiny_index, "pydocs", also=[f"{tiny_index}=pydocs"])
