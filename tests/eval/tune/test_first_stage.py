from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tamis.eval.judged import read_judged
from tamis.eval.measures import parse_measure
from tamis.eval.tune.first_stage import FirstStage, head
from tamis.eval.tune.scoring import Scorer
from tamis.indexer.published import PublishedIndex
from tamis.rankers.assemble import assemble
from tamis.rankers.config import PipelineConfig
from tamis.rankers.ranking import Candidates, canonical

CONFIGS = [
    PipelineConfig(),
    PipelineConfig(sparse_depth=10, dense_depth=20, ef_search=32),
    PipelineConfig(sparse_depth=20, dense_depth=10, ef_search=32),
    PipelineConfig(sparse_depth=100, dense_depth=100, ef_search=8, fusion="weighted", normalisation="zscore"),
    PipelineConfig(sparse_depth=3, dense_depth=200, weights={"sparse": 0.2, "dense": 0.8}, rrf_k=5),
    PipelineConfig(retrievers=("dense",), dense_depth=7, ef_search=16),
    PipelineConfig(retrievers=("sparse",), sparse_depth=7),
    PipelineConfig(retrievers=("dense", "sparse"), sparse_depth=500, dense_depth=500),
]


@pytest.mark.parametrize("kind", ["exact", "hnsw"])
def test_cut_lists_give_the_answers_of_the_real_pipeline(
    kind: str, tiny_index: Path, titles: Path, planted: tuple[Path, Path]
) -> None:
    """Whatever was asked before: depths go up and down, breadths differ, byte by byte."""
    folder, collection = (tiny_index, titles) if kind == "exact" else planted
    queries = read_judged(str(collection), "train").queries[:25]
    with PublishedIndex.open(folder) as index, ThreadPoolExecutor() as pool:
        assert index.manifest.dense_kind == ("flat" if kind == "exact" else "hnsw")
        first_stage = FirstStage(index, queries, 50, lambda done: None)
        for config in CONFIGS:
            pipeline = assemble(index, config, pool)
            for found, real in zip(
                pipeline.finish(queries, first_stage.found(config)).rankings,
                pipeline.run(queries).rankings,
                strict=True,
            ):
                assert np.array_equal(found.rows, real.rows)
                assert np.array_equal(found.scores, real.scores)
                assert found.features.keys() == real.features.keys()


def test_scores_of_cached_and_of_real_answers_are_the_same(tiny_index: Path, titles: Path) -> None:
    judged = read_judged(str(titles), "test")
    with PublishedIndex.open(tiny_index) as index, ThreadPoolExecutor() as pool:
        scorer = Scorer(index, judged, parse_measure("nDCG@10"), pool)
        first_stage = FirstStage(index, judged.queries, 50, lambda done: None)
        for config in CONFIGS[:4]:
            values, seconds = scorer.cached(config, first_stage)
            assert values.tolist() == scorer.real(config, lambda done: None).tolist()
            assert seconds > 0
        assert values.mean() > 0.5


def test_of_equal_scores_the_first_rows_are_kept_in_canonical_order() -> None:
    """Rows 0 to 5, ids the other way round: the index cuts by row, the list is ordered by id."""
    rows = np.array([4, 1, 3, 0, 2, 5], np.int32)
    scores = np.array([1, 2, 2, 2, 2, 2], np.float32)
    id_rank = np.array([5, 4, 3, 2, 1, 0], np.int32)
    order = canonical(rows, scores, id_rank)
    candidates = Candidates(rows[order], scores[order])
    assert candidates.rows.tolist() == [5, 3, 2, 1, 0, 4]
    assert head(candidates, 3).rows.tolist() == [2, 1, 0]
    assert head(candidates, 5).rows.tolist() == [5, 3, 2, 1, 0]
    assert head(candidates, 9).rows.tolist() == [5, 3, 2, 1, 0, 4]
