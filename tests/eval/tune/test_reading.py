"""Trials share what the second stage's model read, and the search may leave it out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import optuna
import pytest

from tamis.eval.tune.reading import KeptScores
from tamis.eval.tune.space import Space
from tamis.models.scores import PairScores
from tamis.rankers.config import PipelineConfig


class Counts:
    """Scores a pair by the length of its passage, and notes what it was asked."""

    fingerprint = "counts"

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    @property
    def tokens_read(self) -> int:
        """One a pair."""
        return len(self.asked)

    def score_pairs(self, pairs: Sequence[tuple[str, str]], stop: Callable[[], bool] | None = None, /) -> PairScores:
        """Score pairs."""
        self.asked += pairs
        found = PairScores.empty(len(pairs))
        found.scores[:] = [len(text) for _, text in pairs]
        return found


def test_a_pair_is_read_once_and_scores_come_in_the_order_asked() -> None:
    reader = Counts()
    kept = KeptScores(reader)
    assert kept.seconds_a_pair == 0
    assert kept.score_pairs([("q", "aa"), ("q", "b"), ("q", "aa")]).scores.tolist() == [2, 1, 2]
    assert kept.score_pairs([("q", "b"), ("r", "b"), ("q", "aa")]).scores.tolist() == [1, 1, 2]
    assert reader.asked == [("q", "aa"), ("q", "b"), ("r", "b")]
    assert kept.tokens_read == 3
    assert kept.seconds_a_pair > 0
    assert kept.fingerprint == "counts"


def suggested(base: PipelineConfig, **chosen: object) -> PipelineConfig:
    space = Space.of(base, passages=1_000, is_exact=True, least_depth=10)
    first = {"sparse_depth": 0, "dense_depth": 0, "fusion": "rrf", "dense_share": 0.5, "rrf_k": 60}
    return space.suggest(optuna.trial.FixedTrial({**first, **chosen}))


def test_the_search_may_mix_in_the_first_stage_read_less_deep_or_leave_the_model_out() -> None:
    base = PipelineConfig(rerank="some", rerank_depth=60)
    mixed = suggested(base, rerank=True, rerank_depth=1, rerank_dense=0.5, rerank_sparse=0.0)
    assert (mixed.rerank, mixed.rerank_depth, mixed.rerank_weights) == ("some", 20, {"rerank": 1.0, "dense": 0.5})
    deepest = suggested(base, rerank=True, rerank_depth=4, rerank_dense=0.0, rerank_sparse=0.3)
    assert (deepest.rerank_depth, deepest.rerank_weights) == (60, {"rerank": 1.0, "sparse": 0.3})
    assert suggested(base, rerank=False).rerank is None


def test_the_search_may_cut_by_the_blend_or_leave_it_out_and_mix_its_score_into_the_rerankers() -> None:
    base = PipelineConfig(blend="index", rerank="some")
    cut = suggested(base, blend=True, blend_depth=1, rerank=False)
    assert (cut.blend, cut.blend_depth, cut.rerank) == ("index", 30, None)
    whole = suggested(
        base, blend=True, blend_depth=5, rerank=True, rerank_depth=4,
        rerank_dense=0.0, rerank_sparse=0.0, rerank_blend=0.7,
    )  # fmt: skip
    assert (whole.blend_depth, whole.rerank_weights) == (None, {"rerank": 1.0, "blend": 0.7})
    without = suggested(base, blend=False, rerank=True, rerank_depth=0, rerank_dense=0.1, rerank_sparse=0.2)
    assert (without.blend, without.rerank_weights) == (None, {"rerank": 1.0, "dense": 0.1, "sparse": 0.2})
    space = Space.of(base, passages=1_000, is_exact=True, least_depth=10)
    assert {config.blend for config in space.corners()} == {None}


def test_a_pipeline_without_a_second_stage_gets_none() -> None:
    assert suggested(PipelineConfig()).rerank is None
    space = Space.of(PipelineConfig(rerank="some"), passages=1_000, is_exact=True, least_depth=10)
    assert {config.rerank for config in space.corners()} == {None}


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"rerank": 1.0, "blnd": 1.0}, "names 'blnd'; the scores are rerank, previous, fused, sparse, dense"),
        ({"dense": 1.0}, "must give 'rerank' a weight"),
        ({"rerank": float("inf")}, "a finite weight"),
    ],
)
def test_weights_that_cannot_be_are_refused(weights: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PipelineConfig(rerank_weights=weights)
