from __future__ import annotations

import dataclasses
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event

import numpy as np
import pytest

from tamis.errors import InvalidInput, NotFound
from tamis.rankers.config import PipelineConfig
from tamis.rankers.engine import Engine
from tamis.rankers.ranking import Candidates, Query, canonical
from tamis.rankers.stages import Rescored

QUERIES = (
    "pick a random element",
    "copy a whole directory tree",
    "median of a list of numbers",
    "parse a JSON string into objects",
    "keep a list sorted while inserting",
    "xyzzy plugh",
)


def ids(engine: Engine, ranking: Candidates) -> list[str]:
    """Passage ids of a ranking."""
    return engine.index.passages.ids_of(ranking.rows)


def test_a_question_finds_its_answer(tiny_engine: Engine) -> None:
    hits = tiny_engine.search("copy a whole directory tree to another place", k=3).hits
    assert hits[0].id == "shutil.copytree"
    assert hits[0].text.startswith("Recursively copy a directory tree")
    assert hits[0].metadata["package"] == "shutil"
    assert [hit.rank for hit in hits] == [1, 2, 3]


def test_hits_say_what_each_stage_said(tiny_engine: Engine) -> None:
    """Scores and ranks by name; an arm that missed the hit is None, and the fused score is that of the formula."""
    for hit in tiny_engine.search("xyzzy iterator", k=40).hits:
        assert list(hit.stages) == ["sparse", "dense", "fused"]
        found = [stage for name in ("sparse", "dense") if (stage := hit.stages[name])]
        assert hit.score == pytest.approx(sum(1 / (60 + stage.rank) for stage in found), rel=1e-6)
        fused = hit.stages["fused"]
        assert fused is not None
        assert (fused.rank, fused.score) == (hit.rank, hit.score)
    missed = [hit for hit in tiny_engine.search("xyzzy iterator", k=400).hits if hit.stages["sparse"] is None]
    assert missed, "most passages hold neither word, so the sparse arm cannot have found them"


def test_the_order_does_not_depend_on_k(tiny_engine: Engine) -> None:
    many = [hit.id for hit in tiny_engine.search("sorted insertion", k=50).hits]
    for k in (1, 3, 10):
        assert [hit.id for hit in tiny_engine.search("sorted insertion", k=k).hits] == many[:k]


def test_alone_in_a_batch_and_side_by_side_is_the_same(tiny_engine: Engine) -> None:
    """Bit for bit: the promise on which replaying a run over HTTP rests."""
    queries = [Query(str(number), text) for number, text in enumerate(QUERIES)]
    batch = tiny_engine.pipeline.run(queries).rankings
    alone = [tiny_engine.pipeline.run([query]).rankings[0] for query in queries]
    with ThreadPoolExecutor(8) as pool:
        crowd = list(pool.map(lambda query: tiny_engine.pipeline.run([query]).rankings[0], queries * 5))
    for number, expected in enumerate(batch):
        for other in (alone[number], crowd[number], crowd[-len(queries) + number]):
            assert other.rows.tolist() == expected.rows.tolist()
            assert other.scores.tobytes() == expected.scores.tobytes()
            for name, values in expected.features.items():
                assert other.features[name].tobytes() == values.tobytes(), name


def test_an_arm_that_no_thread_has_begun_is_asked_by_the_query_itself(tiny_engine: Engine) -> None:
    """The pool's only thread is held until the answer is there."""
    query = [Query("1", "copy a whole directory tree")]
    usual = tiny_engine.pipeline.run(query)
    answered = Event()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(answered.wait, 60)
        try:
            found = replace(tiny_engine.pipeline, pool=pool).run(query)
        finally:
            answered.set()
    assert found.rankings[0].rows.tolist() == usual.rankings[0].rows.tolist()
    assert found.rankings[0].scores.tolist() == usual.rankings[0].scores.tolist()
    assert found.stages.keys() == usual.stages.keys()


def test_rankings_are_in_canonical_order_with_finite_scores(tiny_engine: Engine) -> None:
    for ranking in tiny_engine.pipeline.run([Query("1", text) for text in QUERIES]).rankings:
        keys = [(-score, id_) for score, id_ in zip(ranking.scores.tolist(), ids(tiny_engine, ranking), strict=True)]
        assert keys == sorted(keys)
        assert np.isfinite(ranking.scores).all()
        assert len(set(ranking.rows.tolist())) == len(ranking)


def test_one_arm_alone_is_that_arms_order(tiny_index: Path) -> None:
    config = PipelineConfig(retrievers=("dense",))
    with Engine.open(tiny_index, config) as engine:
        hits = engine.search("median of numbers", k=5).hits
        assert list(hits[0].stages) == ["dense", "fused"]
        dense = [hit.stages["dense"] for hit in hits]
        assert [stage.rank for stage in dense if stage] == [1, 2, 3, 4, 5]


def test_the_dense_arm_is_exact_on_a_small_index(tiny_engine: Engine) -> None:
    """Against a plain matrix product over the stored vectors."""
    index = tiny_engine.index
    rows = np.arange(len(index.passages), dtype=np.int32)
    vectors = index.dense.vectors(rows)
    query = index.encoder.encode(["median of numbers"], "query")
    expected = (vectors @ query[0]).astype(np.float32)
    found = tiny_engine.pipeline.retrievers["dense"].retrieve([Query("1", "median of numbers")], 20)[0]
    best = canonical(rows, expected, index.ids.rank)[:20]
    assert found.rows.tolist() == rows[best].tolist()
    assert found.scores == pytest.approx(expected[best], abs=1e-6)


def test_timings_name_the_steps(tiny_engine: Engine) -> None:
    result = tiny_engine.search("anything", k=1)
    assert set(result.timings_ms) == {"sparse", "dense", "fusion"}
    assert all(ms > 0 for ms in result.timings_ms.values())
    assert result.took_ms >= max(result.timings_ms.values())
    assert result.degraded == []


def test_an_ablation_is_a_replaced_field(tiny_engine: Engine) -> None:
    class Reverse:
        """Scores by place, last first: a rescorer whose effect is plain to see."""

        def rescore(self, queries: object, candidates: list[Candidates], /) -> Rescored:
            def turned(found: Candidates) -> Candidates:
                scores = np.arange(len(found), dtype=np.float32)
                order = np.argsort(-scores)
                taken = found.take(order)
                return Candidates(taken.rows, scores[order], taken.features).with_stage("blend")

            return Rescored([turned(found) for found in candidates])

    query = [Query("1", "random numbers")]
    plain = tiny_engine.pipeline.run(query).rankings[0]
    depths = {**tiny_engine.pipeline.depths, "blend": 5}
    turned = dataclasses.replace(tiny_engine.pipeline, blend=Reverse(), depths=depths).run(query)  # type: ignore[arg-type]
    assert turned.rankings[0].rows.tolist() == plain.rows.tolist()[:5][::-1]
    assert "blend" in turned.seconds
    assert math.isclose(turned.rankings[0].features["fused"][-1], plain.scores[0])


def test_fetch_by_id(tiny_engine: Engine) -> None:
    assert tiny_engine.fetch("json.dumps").title.startswith("json.dumps(")
    with pytest.raises(NotFound, match=r"no passage with id 'json\.nothing'"):
        tiny_engine.fetch("json.nothing")


@pytest.mark.parametrize("query", ["", "  \n", None, 3])
def test_a_query_that_is_no_text_is_refused(tiny_engine: Engine, query: str) -> None:
    with pytest.raises(InvalidInput, match="must be a text that is not empty"):
        tiny_engine.search(query)


@pytest.mark.parametrize("k", [0, -1, 1.5, True, "3"])
def test_k_must_be_a_whole_number_of_1_or_more(tiny_engine: Engine, k: int) -> None:
    with pytest.raises(InvalidInput, match="k must be a whole number"):
        tiny_engine.search("x", k=k)


def test_a_folder_without_an_index_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="tamis index build"):
        Engine.open(tmp_path)


def test_candidates_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="one length"):
        Candidates(np.zeros(2, np.int32), np.zeros(3, np.float32))


def test_canonical_order_breaks_ties_by_id() -> None:
    rows, scores = np.array([0, 1, 2], np.int32), np.array([1.0, 2.0, 1.0], np.float32)
    assert canonical(rows, scores, np.array([2, 0, 1], np.int32)).tolist() == [1, 2, 0]
