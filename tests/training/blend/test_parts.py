"""nDCG against ir-measures, folds against their promise, and the start against a mixture that is known."""

from __future__ import annotations

from itertools import pairwise

import ir_measures
import numpy as np
import pytest

from tamis.training.blend.folds import folds
from tamis.training.blend.ndcg import Lists, ideal_gain
from tamis.training.blend.start import fit_start


def test_ndcg_is_that_of_ir_measures() -> None:
    """Lists of 1 to 40 candidates with ties, grades 0 to 3, some of what is judged not found."""
    generator = np.random.default_rng(0)
    sizes = generator.integers(1, 40, 50)
    relevance = generator.integers(0, 4, sizes.sum()).astype(np.float32)
    scores = np.round(generator.normal(size=sizes.sum()), 1)
    starts = np.cumsum([0, *sizes])
    qrels, run = {}, {}
    for query, (start, end) in enumerate(pairwise(starts)):
        qrels[str(query)] = {str(place): int(relevance[place]) for place in range(start, end)} | {"missed": 2}
        # trec_eval breaks ties its own way: scores that fall strictly keep the order that is meant
        order = sorted(range(start, end), key=lambda place: (-scores[place], place))
        run[str(query)] = {str(place): float(-rank) for rank, place in enumerate(order)}
    expected = {one.query_id: one.value for one in ir_measures.iter_calc([ir_measures.nDCG @ 10], qrels, run)}
    ideal = np.array([ideal_gain(qrels[str(query)].values()) for query in range(50)])
    found = Lists(sizes, relevance, ideal).ndcg(scores)
    assert found == pytest.approx([expected[str(query)] for query in range(50)])


def test_queries_that_share_a_passage_stay_together() -> None:
    generator = np.random.default_rng(0)
    relevant = [frozenset(generator.integers(0, 400, 2).tolist()) for _ in range(120)]
    found = folds(relevant, 3, seed=1)
    assert found.are_apart
    parts = [set().union(*(relevant[query] for query in np.flatnonzero(found.of == part))) for part in range(3)]
    assert not (parts[0] & parts[1] or parts[0] & parts[2] or parts[1] & parts[2])
    assert np.bincount(found.of).min() > 25
    assert folds(relevant, 3, seed=1).of.tolist() == found.of.tolist()


def test_where_all_share_passages_queries_are_drawn() -> None:
    found = folds([frozenset({"same"})] * 30, 3, seed=0)
    assert not found.are_apart
    assert np.bincount(found.of).tolist() == [10, 10, 10]


def test_the_start_finds_the_arm_that_knows() -> None:
    generator = np.random.default_rng(3)
    sizes = np.full(60, 20)
    relevance = np.zeros(1_200, np.float32)
    relevance[::20] = 1
    knows, guesses = generator.normal(size=1_200) + 3 * relevance, generator.normal(size=1_200)
    lists = Lists(sizes, relevance, np.ones(60))
    weights = fit_start(np.stack([guesses, knows], axis=1), sizes, relevance, lists)
    assert weights[1] > 3 * abs(weights[0])
    assert fit_start(knows[:, None], sizes, relevance, lists).shape == (1,)


def test_a_feature_joins_the_start_only_where_it_pays() -> None:
    generator = np.random.default_rng(4)
    sizes = np.full(60, 20)
    relevance = np.zeros(1_200, np.float32)
    relevance[::20] = 1
    lists = Lists(sizes, relevance, np.ones(60))
    arms = generator.normal(size=(1_200, 2)) + relevance[:, None]
    knows, guesses = generator.normal(size=1_200) + 3 * relevance, generator.normal(size=1_200)
    paid = fit_start(np.column_stack([arms, knows]), sizes, relevance, lists)
    plain = fit_start(arms, sizes, relevance, lists)
    assert paid[2] > 0.3 * paid[:2].sum()
    assert lists.ndcg(np.column_stack([arms, knows]) @ paid).mean() > lists.ndcg(arms @ plain).mean()
    poor = fit_start(np.column_stack([arms, guesses]), sizes, relevance, lists)
    assert poor[2] < 0.3 * poor[:2].sum()
