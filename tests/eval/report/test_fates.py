from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.eval.report.fates import BELOW, IN_TOP, LOST, Fate, count, fate, retrievers

FUNNEL = ["sparse", "dense", "fused", "blend", "rerank"]


@pytest.mark.parametrize(
    ("ranks", "found_by", "end"),
    [
        ([1, 3, 2, 2, 10], "sparse and dense", "in the top 10"),
        ([1, 3, 2, 2, 11], "sparse and dense", "ranked below 10"),
        ([None, 3, 2, 2, None], "dense only", "cut by rerank"),
        ([7, None, 2, None, None], "sparse only", "cut by blend"),
        ([7, None, None, None, None], "sparse only", "cut by fusion"),
        ([None, None, None, None, None], "nobody", "not retrieved"),
    ],
)
def test_the_first_stage_without_the_passage_lost_it(ranks: list[int | None], found_by: str, end: str) -> None:
    found = fate(FUNNEL, dict(zip(FUNNEL, ranks, strict=True)))
    assert (found.found_label, found.end) == (found_by, end)


def test_one_arm_alone_is_its_own_final_ranking() -> None:
    assert fate(["dense"], {"dense": 10}) == Fate(("dense",), IN_TOP)
    assert fate(["dense"], {"dense": 11}) == Fate(("dense",), BELOW)
    assert fate(["dense"], {}) == Fate((), LOST)


def test_without_a_fusion_the_first_stage_is_the_retriever() -> None:
    assert list(retrievers(["run", "rerank"])) == ["run"]
    assert fate(["run", "rerank"], {"run": 4, "rerank": None}).end == "cut by rerank"
    assert list(retrievers(["sparse", "fused", "blend"])) == ["sparse"]


@given(
    st.dictionaries(
        st.text(max_size=3),
        st.dictionaries(
            st.text(max_size=3), st.fixed_dictionaries({name: st.none() | st.integers(1, 500) for name in FUNNEL})
        ),
    )
)
def test_every_relevant_passage_has_one_fate(relevant: dict[str, dict[str, dict[str, int | None]]]) -> None:
    found = count(FUNNEL, relevant)
    passages = [ranks for query in relevant.values() for ranks in query.values()]
    assert found.total() == len(passages)
    in_top = sum(n for one, n in found.items() if one.end == IN_TOP)
    whole = [
        ranks for ranks in passages
        if (ranks["sparse"] or ranks["dense"]) and all(ranks[stage] for stage in FUNNEL[2:]) and ranks["rerank"] <= 10  # type: ignore[operator]
    ]  # fmt: skip
    assert in_top == len(whole)
    finders = Counter(len(one.found_by) for one, n in found.items() for _ in range(n))
    assert finders == Counter(sum(ranks[arm] is not None for arm in FUNNEL[:2]) for ranks in passages)
