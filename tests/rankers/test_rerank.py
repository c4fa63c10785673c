"""The reranker: order by the model, mixtures of standardised scores, and nothing lost when it cannot score."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.indexer.passage import Passage
from tamis.models.scores import PairScores
from tamis.rankers.ranking import Candidates, Query
from tamis.rankers.rerank import Reranker

IDS = np.arange(50, dtype=np.int32)


class Library:
    """Passage `row` says its row."""

    def __init__(self) -> None:
        self.taken = 0

    def take(self, rows: npt.NDArray[np.int32], /) -> list[Passage]:
        """Make passages."""
        self.taken += 1
        return [Passage(f"p{row:02}", f"p{row:02}", "title", str(row), {}) for row in rows.tolist()]


class Judge:
    """Scores by a table: row to score; NaN cannot be scored. Stops as asked."""

    def __init__(self, table: dict[int, float]) -> None:
        self.table = table
        self.pairs: list[tuple[str, str]] = []
        self.tokens_read = 0

    def score_pairs(self, pairs: Sequence[tuple[str, str]], stop: Callable[[], bool] | None = None, /) -> PairScores:
        """Look scores up."""
        self.pairs += pairs
        found = PairScores.empty(len(pairs))
        for place, (_, text) in enumerate(pairs):
            if stop is not None and stop():
                return PairScores(found.scores, found.tokens, found.passages_cut, found.queries_cut, found.failed, True)
            score = self.table.get(int(text.removeprefix("title\n")), 0.0)
            found.tokens[place] = 7
            found.scores[place] = score
            if np.isnan(score):
                found.failed[place] = "the model gave nan"
        return found


def candidates(rows: Sequence[int], **features: Sequence[float]) -> Candidates:
    """Give candidates with falling scores."""
    scores = np.linspace(1, 0.5, len(rows), dtype=np.float32)
    wide = {name: np.array(values, np.float32) for name, values in features.items()}
    return Candidates(np.array(rows, np.int32), scores, wide)


QUERY = Query("q", "what?")


def test_candidates_come_in_the_models_order_ties_by_id() -> None:
    judge = Judge({3: 0.5, 1: 2.0, 7: 2.0, 5: -1.0})
    (found,) = Reranker(judge, Library(), IDS).rescore([QUERY], [candidates([3, 7, 5, 1])]).rankings
    assert found.rows.tolist() == [1, 7, 3, 5]
    assert found.scores.tolist() == [2.0, 2.0, 0.5, -1.0]
    assert found.features["rerank"].tolist() == [2.0, 2.0, 0.5, -1.0]
    assert found.features["rerank_rank"].tolist() == [1, 2, 3, 4]
    assert judge.pairs == [("what?", f"title\n{row}") for row in (3, 7, 5, 1)]


def test_candidates_below_the_depth_keep_their_order_below() -> None:
    reranker = Reranker(Judge({1: -5.5, 2: -3.0}), Library(), IDS, depth=2)
    (found,) = reranker.rescore([QUERY], [candidates([1, 2, 30, 4], sparse=[9, 8, 7, 6])]).rankings
    assert found.rows.tolist() == [2, 1, 30, 4]
    assert found.scores.tolist() == [-3.0, -5.5, -7.0, -8.0]
    assert found.features["sparse"].tolist() == [8, 9, 7, 6]
    assert found.features["rerank"].tolist()[:2] == [-3.0, -5.5]
    assert np.isnan(found.features["rerank"][2:]).all()
    assert np.isnan(found.features["rerank_rank"][2:]).all()


def test_a_passage_that_cannot_be_scored_goes_below_the_others_and_is_told() -> None:
    reranker = Reranker(Judge({1: float("nan"), 2: 1.0, 3: 2.0}), Library(), IDS, depth=3)
    answer = reranker.rescore([QUERY], [candidates([1, 2, 3, 4])])
    assert answer.rankings[0].rows.tolist() == [3, 2, 1, 4]
    (note,) = answer.degraded
    assert (note.stage, note.reason) == ("rerank", "the model gave nan")
    assert "1 candidates not scored, such as number 0" in note.action
    assert (answer.scored, answer.tokens) == (3, 21)


def test_work_that_is_stopped_keeps_the_earlier_order_for_the_rest() -> None:
    asked: list[int] = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) > 2

    reranker = Reranker(Judge({1: 1.0, 2: 2.0, 3: 9.0, 4: 9.0}), Library(), IDS)
    answer = reranker.rescore([QUERY], [candidates([1, 2, 3, 4])], stop)
    assert answer.rankings[0].rows.tolist() == [2, 1, 3, 4]
    (note,) = answer.degraded
    assert note.reason == "out of time"
    assert "2 of 4 candidates not scored" in note.action


def test_several_queries_are_one_call_and_each_has_its_own_ranking() -> None:
    judge, library = Judge({1: 1.0, 2: 2.0}), Library()
    queries = [Query("a", "A"), Query("b", "B"), Query("c", "C")]
    found = (
        Reranker(judge, library, IDS).rescore(queries, [candidates([1, 2]), candidates([]), candidates([2])]).rankings
    )
    assert [ranking.rows.tolist() for ranking in found] == [[2, 1], [], [2]]
    assert [query for query, _ in judge.pairs] == ["A", "A", "C"]
    assert library.taken == 1


def test_no_queries_give_no_rankings() -> None:
    assert Reranker(Judge({}), Library(), IDS).rescore([], []).rankings == []


def test_a_mixture_by_hand() -> None:
    """Rerank 0, 1, 2 and previous 2, 1, 0 have deviation sqrt(2/3): z is -+1.2247."""
    mixed = Candidates(np.array([1, 2, 3], np.int32), np.array([2, 1, 0], np.float32))
    judge = Judge({1: 0.0, 2: 1.0, 3: 2.0})
    weights = {"rerank": 0.75, "previous": 0.25}
    (found,) = Reranker(judge, Library(), IDS, weights=weights).rescore([QUERY], [mixed]).rankings
    z = 1 / np.sqrt(2 / 3)
    assert found.rows.tolist() == [3, 2, 1]
    np.testing.assert_allclose(found.scores, [0.5 * z, 0, -0.5 * z], atol=1e-6)
    assert found.features["rerank"].tolist() == [2, 1, 0]
    (other,) = (
        Reranker(judge, Library(), IDS, weights={"rerank": 0.25, "previous": 0.75}).rescore([QUERY], [mixed]).rankings
    )
    assert other.rows.tolist() == [1, 2, 3]
    assert other.features["rerank_rank"].tolist() == [3, 2, 1]


def test_a_stage_that_did_not_find_a_passage_counts_as_its_lowest() -> None:
    """BM25 of 1, 3, none: standardised -1, 1, -1."""
    given_candidates = candidates([1, 2, 3], sparse=[1, 3, np.nan])
    weights = {"rerank": 1.0, "sparse": 1.0}
    (found,) = Reranker(Judge({}), Library(), IDS, weights=weights).rescore([QUERY], [given_candidates]).rankings
    assert found.rows.tolist() == [2, 1, 3]
    np.testing.assert_allclose(found.scores, [1, -1, -1], atol=1e-6)


def test_equal_scores_everywhere_leave_the_order_of_ids() -> None:
    weights = {"rerank": 0.5, "previous": 0.5}
    flat = Candidates(np.array([9, 4], np.int32), np.array([1, 1], np.float32))
    (found,) = Reranker(Judge({}), Library(), IDS, weights=weights).rescore([QUERY], [flat]).rankings
    assert found.rows.tolist() == [4, 9]
    assert found.scores.tolist() == [0, 0]


SCORES = st.lists(st.floats(-50, 50, width=32) | st.just(float("nan")), min_size=1, max_size=20)


@given(scores=SCORES, depth=st.integers(1, 25), weight=st.sampled_from([1.0, 0.5]))
def test_nothing_is_lost_and_scores_never_rise_down_the_list(scores: list[float], depth: int, weight: float) -> None:
    rows = list(range(len(scores)))[::-1]
    weights = {"rerank": 1.0} if weight == 1.0 else {"rerank": 0.5, "previous": 0.5}
    reranker = Reranker(Judge(dict(enumerate(scores))), Library(), IDS, depth, weights)
    (found,) = reranker.rescore([QUERY], [candidates(rows)]).rankings
    assert sorted(found.rows.tolist()) == sorted(rows)
    assert np.isfinite(found.scores).all()
    assert (np.diff(found.scores) <= 0).all()
    scored = ~np.isnan(found.features["rerank"])
    count = int(scored.sum())
    assert scored[:count].all()
    rest = found.rows[count:].tolist()
    assert rest == [row for row in rows if row in rest]
    assert count == sum(1 for row in rows[:depth] if not np.isnan(scores[row]))


def test_weights_name_stages_that_are_there() -> None:
    with pytest.raises(KeyError, match="dense"):
        Reranker(Judge({}), Library(), IDS, weights={"dense": 1.0}).rescore([QUERY], [candidates([1])])
