from __future__ import annotations

import numpy as np
import pytest

from tamis.eval.compare import compare
from tamis.eval.metrics import Metrics
from tamis.eval.tune.confirm import Confirmation, Confirmed, decide
from tamis.eval.tune.timing import Latency
from tamis.rankers.config import PipelineConfig

GENERATOR = np.random.default_rng(5)
VALUES = GENERATOR.beta(2, 2, 100)


def confirmation(gain: float, default_ms: float, tuned_ms: float) -> Confirmation:
    """Two pipelines whose values differ by `gain`, with little noise."""
    tuned = VALUES + gain + GENERATOR.normal(0, 0.02, 100)
    queries = [str(number) for number in range(100)]
    both = [Metrics(name, "c", "s", queries, {"nDCG@10": v}) for name, v in (("default", VALUES), ("tuned", tuned))]
    return Confirmation(
        Confirmed(PipelineConfig(), VALUES, Latency(1, default_ms, 1, 99)),
        Confirmed(PipelineConfig(rrf_k=1), tuned, Latency(1, tuned_ms, 1, 99)),
        compare(both)[0],
    )


@pytest.mark.parametrize(
    ("gain", "default_ms", "tuned_ms", "kind", "writes"),
    [
        (+0.1, 20, 30, "better", "tuned"),
        (0.0, 20, 10, "not better", "default"),
        (-0.1, 20, 10, "not better", "default"),
        (+0.1, 20, 90, "over the target", "default"),
        (+0.1, 95, 90, "over the target", "default"),
        (-0.1, 90, 30, "within the target", "tuned"),
    ],
)
def test_the_verdict(gain: float, default_ms: float, tuned_ms: float, kind: str, writes: str) -> None:
    found = confirmation(gain, default_ms, tuned_ms)
    verdict = decide(found, 80, force=False)
    assert (verdict.kind, verdict.writes) == (kind, writes)
    assert f"tuned {tuned_ms:.1f} ms of 80 ms" in verdict.sentence
    assert verdict.sentence.endswith(
        "The tuned pipeline is written."
        if writes == "tuned"
        else "The default is written; --force writes the tuned one."
    )
    forced = decide(found, 80, force=True)
    assert (forced.kind, forced.writes) == (kind, "tuned")
    assert ("--force" in forced.sentence) == (writes == "default")


def test_a_default_that_nothing_beat_stays() -> None:
    default = confirmation(0, 20, 20).default
    verdict = decide(Confirmation(default, default, None), 80, force=True)
    assert (verdict.kind, verdict.writes) == ("default", "default")
    assert "it stays" in verdict.sentence
