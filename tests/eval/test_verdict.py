from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.power import TTestPower

from tamis.eval.significance import bootstrap_interval, holm, randomisation
from tamis.eval.verdict import Ablated, judge, queries_needed

GENERATOR = np.random.default_rng(5)
FULL = GENERATOR.beta(3, 2, 300)


def ablated(stage: str, gain: float, spread: float, ms: float) -> Ablated:
    """A stage whose gain has exactly this mean."""
    gains = GENERATOR.normal(0, spread, 300)
    return Ablated(stage, FULL, FULL - (gains - gains.mean() + gain), ms)


def test_verdicts_follow_gain_equivalence_and_time() -> None:
    stages = [
        ablated("gains", 0.05, 0.1, 30.0),
        ablated("loses", -0.05, 0.1, 30.0),
        ablated("adds nothing", 0.0, 0.05, 12.5),
        ablated("adds nothing, free", 0.0, 0.05, -0.1),
        ablated("noise", 0.01, 0.5, 3.0),
    ]
    found = judge(stages, "nDCG@10")
    assert [one.verdict for one in found] == ["keep", "drop", "drop", "undecided", "undecided"]
    assert found[0].sentence.startswith("Keep gains: +0.0500 nDCG@10 [+0.0")
    assert "p 0.0005, +30.0 ms; it gains." in found[0].sentence
    assert found[1].sentence.endswith("it loses.")
    assert found[2].sentence.endswith(f"equivalent within ±{0.05 * FULL.mean():.4f}, and faster.")
    assert "but no faster" in found[3].sentence
    assert f"{queries_needed(stages[4].full - stages[4].without):,} queries would be needed" in found[4].sentence
    gains = [one.full - one.without for one in stages]
    assert [one.p for one in found] == pytest.approx(holm([randomisation(one) for one in gains]))
    assert [one.interval for one in found] == [bootstrap_interval(one) for one in gains]


def test_holm_may_turn_a_gain_into_an_open_question() -> None:
    weak = ablated("weak", 0.0245, 0.2, 1.0)
    assert randomisation(weak.full - weak.without) < 0.05
    assert judge([weak], "AP")[0].verdict == "keep"
    others = [ablated(f"noise {number}", 0.001, 0.2, 1.0) for number in range(3)]
    assert judge([weak, *others], "AP")[0].verdict == "undecided"


def test_a_stage_that_changes_nothing_is_dropped_if_it_costs_time() -> None:
    same = Ablated("idle", FULL, FULL.copy(), 4.0)
    assert judge([same], "AP")[0].verdict == "drop"
    nothing = Ablated("idle", np.zeros(30), np.zeros(30), 4.0)
    verdict = judge([nothing], "AP")[0]
    assert (verdict.verdict, verdict.gain) == ("undecided", 0.0)
    assert "no query differs enough" in verdict.sentence


@given(effect=st.floats(0.02, 1.5), sign=st.sampled_from((-1, 1)))
def test_the_number_of_queries_is_statsmodels_own(effect: float, sign: int) -> None:
    values = np.linspace(-1, 1, 50)
    values = sign * (values / values.std(ddof=1) + effect)
    expected = TTestPower().solve_power(effect_size=effect, alpha=0.05, power=0.8)
    found = queries_needed(values)
    assert found is not None
    assert found == pytest.approx(expected, abs=1.5)


def test_without_a_difference_or_spread_no_number_can_be_said() -> None:
    assert queries_needed(np.zeros(9)) is None
    assert queries_needed(np.full(9, 0.5)) is None
    assert queries_needed(np.array([0.5])) is None
    assert queries_needed(np.array([-1.0, 1.0])) is None
