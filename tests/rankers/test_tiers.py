"""Pipelines over two tiers: when the cold one is asked, and that asking it gives what one index would give."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from tamis.config import Config
from tamis.errors import InvalidInput
from tamis.eval.shared import SharedBatch
from tamis.rankers.config import PipelineConfig
from tamis.rankers.engine import Engine
from tamis.rankers.hits import ColdDecision
from tamis.rankers.passage_order import PassageOrder
from tamis.rankers.pipeline import Answer
from tamis.rankers.ranking import Candidates, Query
from tamis.rankers.tiers import Gate, gap
from tamis.rankers.variants import without

TEXTS = (
    "how do I sort a list in place", "read a csv file with a header", "random sample without replacement",
    "serialise a dictionary", "median of some numbers", "copy a whole folder", "xyzzy", "the", "leap years",
    "days of a month",
)  # fmt: skip
QUERIES = [Query(str(number), text) for number, text in enumerate(TEXTS)]
DENSE = {"retrievers": ["dense"], "weights": {"dense": 1.0}}
FILTER = {"type": "in", "field": "package", "values": ["calendar", "random", "shutil"]}


def opened(index: Path, **values: object) -> Engine:
    return Engine.open(index, PipelineConfig.model_validate(values))


def said(answer: Answer, engine: Engine) -> list[list[tuple[str, float]]]:
    """Ids and scores of every ranking."""
    return [
        list(zip(engine.index.passages.ids_of(one.rows), one.scores.tolist(), strict=True)) for one in answer.rankings
    ]


@pytest.fixture(scope="module")
def never(tiered_index: Path) -> Iterator[Engine]:
    with opened(tiered_index) as engine:
        yield engine


@pytest.fixture(scope="module")
def always(tiered_index: Path) -> Iterator[Engine]:
    with opened(tiered_index, cold="always") as engine:
        yield engine


@pytest.fixture(scope="module")
def below(never: Engine) -> float:
    """A threshold between the fifth and the sixth of the ten queries."""
    gaps = sorted(map(gap, never.pipeline.run(QUERIES).stages["dense"]))
    assert gaps[4] < gaps[5]
    return (gaps[4] + gaps[5]) / 2


@pytest.fixture(scope="module")
def unsure(tiered_index: Path, below: float) -> Iterator[Engine]:
    with opened(tiered_index, cold="unsure", cold_below=below) as engine:
        yield engine


@pytest.mark.parametrize("depth", [7, 200, 10_000])
def test_always_asking_ranks_vectors_as_one_index_does(tiered_index: Path, restored_index: Path, depth: int) -> None:
    """Bit for bit."""
    with (
        opened(tiered_index, cold="always", dense_depth=depth, **DENSE) as tiered,
        opened(restored_index, dense_depth=depth, **DENSE) as whole,
    ):
        found = said(tiered.pipeline.run(QUERIES), tiered)
        assert found == said(whole.pipeline.run(QUERIES), whole)
        assert len(found[0]) == min(depth, whole.index.manifest.passages)


def test_always_asking_finds_the_words_that_one_index_finds(always: Engine, restored_index: Path) -> None:
    """The same passages, if not with the same scores: each tier counts words by itself."""
    with (
        opened(restored_index, sparse_depth=10_000) as whole,
        opened(always.index.folder.parent.parent, cold="always", sparse_depth=10_000) as tiered,
    ):
        one, other = whole.pipeline.run(QUERIES), tiered.pipeline.run(QUERIES)
    for first, second in zip(one.stages["sparse"], other.stages["sparse"], strict=True):
        assert sorted(first.rows.tolist()) == sorted(second.rows.tolist())


def test_each_query_has_the_answer_of_one_tier_or_of_both(never: Engine, unsure: Engine, always: Engine, below: float) -> None:  # fmt: skip # noqa: E501
    answer = unsure.pipeline.run(QUERIES)
    hot, both, found = (said(one.pipeline.run(QUERIES), one) for one in (never, always, unsure))
    asked = [one.asked for one in answer.cold]
    assert sum(asked) == 5
    assert found == [each if is_asked else other for is_asked, each, other in zip(asked, both, hot, strict=True)]
    assert hot != both
    for decision, dense in zip(answer.cold, never.pipeline.run(QUERIES).stages["dense"], strict=True):
        assert decision.gap == float(dense.scores[0] - dense.scores[99])
        assert decision.below == below and decision.asked == (decision.gap < below)
        assert ("unsure" if decision.asked else "sure") == decision.reason.partition(":")[0]
    assert list(answer.seconds) == ["dense", "sparse", "cold", "fusion"] or list(answer.seconds) == [
        "sparse", "dense", "cold", "fusion",
    ]  # fmt: skip


def test_a_query_alone_is_answered_as_in_a_batch(unsure: Engine) -> None:
    batch = unsure.pipeline.run(QUERIES)
    alone = [unsure.pipeline.run([query]) for query in QUERIES]
    assert said(batch, unsure) == [said(one, unsure)[0] for one in alone]
    assert batch.cold == [one.cold[0] for one in alone]
    assert unsure.pipeline.run([]).rankings == []


def test_an_evaluation_answers_as_the_pipeline_does(unsure: Engine) -> None:
    """Also each variant of an ablation, whatever was asked before it."""
    shared = SharedBatch(unsure.index.encoder, QUERIES)
    for names in ([], ["sparse"], ["dense"]):
        variant = without(unsure.pipeline, names)
        answer, spent = shared.answer(variant)
        expected = variant.run(QUERIES)
        assert said(answer, unsure) == said(expected, unsure)
        assert answer.cold == expected.cold
        assert spent.tokens is not None and (spent.tokens > 0) == ("dense" in variant.retrievers)


def test_without_the_dense_arm_nothing_says_how_sure_the_hot_tier_is(unsure: Engine, never: Engine) -> None:
    alone = without(unsure.pipeline, ["dense"])
    answer = alone.run(QUERIES[:2])
    assert [one.asked for one in answer.cold] == [False, False]
    assert "no dense arm" in answer.cold[0].reason
    assert said(answer, unsure) == said(without(never.pipeline, ["dense"]).run(QUERIES[:2]), never)


def test_filters_and_what_a_request_wants_of_the_order_hold_for_both_tiers(
    tiered_index: Path, restored_index: Path
) -> None:
    orders = (
        PassageOrder(),
        PassageOrder(exclude_ids=["shutil.copytree", "calendar.Calendar"]),
        PassageOrder(diversity=0.5),
        PassageOrder(documents="best"),
        PassageOrder(documents="sum"),
    )
    with opened(tiered_index, cold="always", **DENSE) as tiered, opened(restored_index, **DENSE) as whole:
        for order in orders:
            for allowed in (None, FILTER):
                found = tiered.search("copy a whole folder", 40, filter=allowed, order=order)
                expected = whole.search("copy a whole folder", 40, filter=allowed, order=order)
                assert found.hits == expected.hits
                if allowed:
                    assert {hit.metadata["package"] for hit in found.hits} <= set(FILTER["values"])
        assert tiered.neighbours("shutil.copytree") == whole.neighbours("shutil.copytree")


def test_a_filter_that_leaves_one_hot_passage_leaves_the_hot_tier_unsure(tiered_index: Path) -> None:
    with opened(tiered_index, cold="unsure", cold_below=0.01) as engine:
        mask = np.zeros(engine.index.manifest.passages, np.bool_)
        mask[engine.row_of("shutil.copytree")] = True
        decision = engine.pipeline.run([Query("1", "copy a tree", mask)]).cold[0]
    assert (decision.asked, decision.gap) == (True, 0.0)


def test_results_say_whether_the_cold_tier_was_asked(unsure: Engine, never: Engine) -> None:
    results = unsure.search_many(TEXTS, 3)
    assert [one.cold for one in results] == unsure.pipeline.run(QUERIES).cold
    assert all(one.cold is None for one in never.search_many(TEXTS, 3))
    fused = unsure.search_fused(TEXTS, 3).cold
    assert fused is not None and fused.asked and fused.reason == "asked for 5 of 10 queries"


def test_an_explanation_says_in_which_tier_a_passage_is(unsure: Engine, always: Engine, never: Engine) -> None:
    assert never.index.cold is not None
    rows = never.index.cold.dense.rows
    asked = {one.asked: text for one, text in zip(unsure.pipeline.run(QUERIES).cold, TEXTS, strict=True)}
    id_ = never.index.passages.id_of(int(rows[0]))
    lost = unsure.explain(asked[False], id_)
    assert (lost.tier, lost.rank) == ("cold", None) and lost.cold is not None and not lost.cold.asked
    assert never.explain(asked[False], id_).cold is None
    found = always.explain(TEXTS[0], id_)
    assert found.tier == "cold" and found.cold == ColdDecision(True, "always")
    hot = next(row for row in range(len(never.index.passages)) if row not in rows)
    assert never.explain(TEXTS[0], never.index.passages.id_of(hot)).tier == "hot"


def test_an_index_without_a_cold_tier_refuses_a_pipeline_that_asks_one(tiny_index: Path, restored_index: Path) -> None:
    for index in (tiny_index, restored_index):
        with pytest.raises(InvalidInput, match=r'pipeline\.cold is "always".*has no cold tier.*--cold'):
            opened(index, cold="always")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"cold": "often"}, "never"),
        ({"cold": "unsure"}, "tamis prune gate"),
        ({"cold": "unsure", "cold_below": float("nan")}, "finite"),
        ({"cold": "unsure", "cold_below": 0.3, "retrievers": ["sparse"]}, 'add "dense"'),
    ],
)
def test_bad_values_are_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        PipelineConfig.model_validate(values)


def test_a_pipeline_that_inherits_a_threshold_may_ask_always_or_never(tiered_index: Path) -> None:
    values = {"pipeline": {"cold": "unsure", "cold_below": 0.2}, "pipelines": {"a": {"cold": "always"},
                                                                               "n": {"cold": "never"}}}  # fmt: skip
    config = Config.model_validate(values)
    with Engine.open(tiered_index, config.pipeline, pipelines=config.pipelines) as engine:
        decisions = {name: engine.search("leap years", 1, name).cold for name in ("a", "n")}
    assert decisions == {"a": ColdDecision(True, "always"), "n": None}


def test_a_pipeline_that_never_asks_keeps_its_fingerprint() -> None:
    assert not {"cold", "cold_below"} & PipelineConfig().model_dump().keys()
    asking = PipelineConfig(cold="unsure", cold_below=0.25)
    assert PipelineConfig.model_validate(asking.model_dump()) == asking


def test_the_gap_is_that_to_the_hundredth_or_the_last() -> None:
    def listed(count: int) -> Candidates:
        return Candidates(np.arange(count, dtype=np.int32), (1 - np.arange(count) / 256).astype(np.float32))

    assert [gap(listed(count)) for count in (0, 1, 2, 100, 150)] == [0.0, 0.0, 1 / 256, 99 / 256, 99 / 256]
    gate = Gate(99 / 256)
    assert [one.asked for one in gate.decide([listed(99), listed(100)], 2)] == [True, False]
    assert replace(gate, below=None).decide(None, 2) == [ColdDecision(True, "always")] * 2
