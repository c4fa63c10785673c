from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tamis.eval.judged import read_judged
from tamis.eval.tune.timing import Estimates, measure
from tamis.indexer.published import PublishedIndex
from tamis.rankers.assemble import assemble
from tamis.rankers.config import PipelineConfig


def test_real_latencies_are_medians_over_rounds_with_their_range(tiny_index: Path, titles: Path) -> None:
    queries = read_judged(str(titles), "test").queries[:20]
    rounds: list[int] = []
    with PublishedIndex.open(tiny_index) as index, ThreadPoolExecutor() as pool:
        configs = {"both": PipelineConfig(), "words": PipelineConfig(retrievers=("sparse",), sparse_depth=10)}
        found = measure({name: assemble(index, one, pool) for name, one in configs.items()}, queries, 3, rounds.append)
    assert rounds == [1, 2, 3]
    for one in found.values():
        assert 0 < one.p50_ms <= one.p95_ms
        assert one.low_ms <= one.p95_ms <= one.high_ms
    assert found["words"].p50_ms < found["both"].p50_ms  # which also runs the encoder


def test_estimates_are_scaled_to_what_was_measured_and_know_the_encoder(tiny_index: Path, titles: Path) -> None:
    queries = read_judged(str(titles), "test").queries[:20]
    with PublishedIndex.open(tiny_index) as index, ThreadPoolExecutor() as pool:
        estimates = Estimates(index, queries, pool)
        both, words = PipelineConfig(), PipelineConfig(retrievers=("sparse",))
        estimates.calibrate(both, 0.001, 40.0)
        assert estimates.p95_ms(both, 0.001) == pytest.approx(40.0)
        assert estimates.p95_ms(words, 0.001) < 40.0
        assert estimates.p95_ms(both, 0.5) > estimates.p95_ms(both, 0.001)
        before = estimates.p95_ms(words, 0.0)
        estimates.calibrate(both, 0.001, 80.0)
        assert estimates.p95_ms(words, 0.0) == pytest.approx(2 * before)
