"""Mined groups hold a relevant passage and negatives that are none, with the teacher's scores."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tamis.errors import InvalidInput
from tamis.eval.judged import Judged
from tamis.eval.trec import Run
from tamis.indexer.published import PublishedIndex
from tamis.rankers.engine import Engine
from tamis.rankers.ranking import Query
from tamis.rankers.standard import standardised
from tamis.training.groups import Group
from tamis.training.mining import MiningSettings, mine, sampled


def judged(index: PublishedIndex) -> Judged:
    """Three queries, each answered by the passage whose words it has."""
    passages = index.passages.take([0, 1, 2])
    queries = tuple(Query(f"q{number}", passage.text[:60]) for number, passage in enumerate(passages))
    qrels = {f"q{number}": {passage.id: 1} for number, passage in enumerate(passages)}
    return Judged("planted", "train", "", queries, qrels)


def mined(index: PublishedIndex, collection: Judged, settings: MiningSettings) -> list[Group]:
    return list(mine(index, collection, settings, lambda done: None))


def test_the_relevant_passage_is_first_and_no_negative_is_relevant(tiny_engine: Engine) -> None:
    index = tiny_engine.index
    collection = judged(index)
    groups = mined(index, collection, MiningSettings(depth=10, negatives=3, ceiling=0.0))
    assert len(groups) == 3
    for number, group in enumerate(groups):
        assert group.query == collection.queries[number].text
        assert group.passages[0] == index.passages.take([number])[0].contents
        assert group.relevance.tolist() == [1.0] + [0.0] * (len(group.passages) - 1)
        assert len(set(group.passages)) == len(group.passages) == 4
        assert np.isfinite(group.teacher).all()


def test_the_same_seed_draws_the_same_and_another_draws_others(tiny_engine: Engine) -> None:
    index = tiny_engine.index
    settings = MiningSettings(depth=12, negatives=3, ceiling=0.0)
    first, again = (mined(index, judged(index), settings) for _ in range(2))
    assert [group.passages for group in first] == [group.passages for group in again]
    draws = {
        tuple(group.passages for group in mined(index, judged(index), replace(settings, seed=seed)))
        for seed in range(6)
    }
    assert len(draws) > 1


def test_near_unjudged_passages_are_left_out(tiny_engine: Engine) -> None:
    """With a ceiling of almost nothing, no unjudged passage is far enough from the query."""
    index = tiny_engine.index
    assert mined(index, judged(index), MiningSettings(depth=10, ceiling=1e-6)) == [] or all(
        (group.teacher[1:] < group.teacher[0]).all()
        for group in mined(index, judged(index), MiningSettings(depth=10, ceiling=1e-6))
    )


def test_pools_take_judged_passages_only_and_keep_queries_without_a_relevant_one(tiny_engine: Engine) -> None:
    index = tiny_engine.index
    ids = index.passages.ids_of([0, 1, 2, 3])
    collection = replace(judged(index), qrels={f"q{number}": dict.fromkeys(ids, 0) for number in range(3)})
    groups = mined(index, collection, MiningSettings(pools=True, ceiling=0.0))
    texts = {passage.contents for passage in index.passages.take([0, 1, 2, 3])}
    assert len(groups) == 3
    assert all(set(group.passages) == texts and not group.relevance.any() for group in groups)


def test_judgments_of_another_collection_are_refused(tiny_engine: Engine) -> None:
    collection = replace(judged(tiny_engine.index), qrels={f"q{number}": {"foreign": 1} for number in range(3)})
    with pytest.raises(InvalidInput, match="no judged passage of planted"):
        mined(tiny_engine.index, collection, MiningSettings())


def test_sampling_keeps_queries_in_order(tiny_engine: Engine) -> None:
    collection = judged(tiny_engine.index)
    assert [query.id for query in sampled(collection, 2, seed=1).queries] in (["q0", "q1"], ["q0", "q2"], ["q1", "q2"])
    assert sampled(collection, 99, seed=1).queries == collection.queries


def test_equal_values_standardise_to_zero() -> None:
    assert standardised(np.full(3, 7, np.float32)).tolist() == [0, 0, 0]
    np.testing.assert_allclose(standardised(np.array([1, 3], np.float32)), [-1, 1])


def test_a_run_teaches_in_place_of_the_first_stage(tiny_engine: Engine) -> None:
    """By hand: five passages with scores 5 to 1; the relevant one of q0 is third, that of q1 is not in the run."""
    index = tiny_engine.index
    collection = judged(index)
    ids = index.passages.ids_of([5, 6, 0, 7, 8])
    scores = np.array([5, 4, 3, 2, 1], np.float32)
    run = Run({"q0": (ids, scores), "q1": (ids, scores), "other": (ids, scores)})
    settings = MiningSettings(negatives=10, ceiling=0.0)
    first, second = mine(index, collection, settings, lambda done: None, run)
    texts = {row: index.passages.take([row])[0].contents for row in (0, 1, 5, 6, 7, 8)}
    told = dict(zip(first.passages, first.teacher.tolist(), strict=True))
    assert first.passages[0] == texts[0]
    expected = (scores - scores.mean()) / scores.std()
    assert [told[texts[row]] for row in (5, 6, 0, 7, 8)] == pytest.approx(expected.tolist(), abs=1e-6)
    assert second.passages[0] == texts[1] and len(second.passages) == 6
    lowest = dict(zip(second.passages, second.teacher.tolist(), strict=True))
    assert lowest[texts[1]] == lowest[texts[8]] == min(lowest.values())
    with pytest.raises(InvalidInput, match="answers none of the 3 queries of planted"):
        list(mine(index, collection, settings, lambda done: None, Run({"other": (ids, scores)})))
