from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from tamis.eval.tune.search import search
from tamis.eval.tune.space import Space
from tamis.eval.tune.trials import Remembered, Trial, Worth
from tamis.rankers.config import PipelineConfig

SPACE = Space.of(PipelineConfig(), passages=100_000, is_exact=False, least_depth=50)


def share_of(config: PipelineConfig) -> float:
    return config.weights["dense"] / (config.weights["dense"] + config.weights["sparse"])


def planted(config: PipelineConfig) -> Worth:
    """Best: z-scores, dense share .7, deep; every step of depth costs 10 ms."""
    fit = -((share_of(config) - 0.7) ** 2) + 0.05 * (config.normalisation == "zscore" and config.fusion == "weighted")
    steps = SPACE.depths.index(config.sparse_depth) + SPACE.depths.index(config.dense_depth)
    return Worth(fit + 0.01 * steps, 0.0, 10.0 * steps)


def run(seed: int, trials: int = 60, limit_ms: float = 1e9, evaluate: object = planted) -> list[Trial]:
    return search(SPACE, evaluate, limit_ms, trials, seed, lambda done: None)  # type: ignore[arg-type]


def best(trials: list[Trial], limit_ms: float = 1e9) -> Trial:
    return max((one for one in trials if one.worth.p95_ms <= limit_ms), key=lambda one: one.worth.fit)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_known_optimum_is_found(seed: int) -> None:
    found = best(run(seed, 100)).config
    assert (found.fusion, found.normalisation) == ("weighted", "zscore")
    assert share_of(found) == pytest.approx(0.7, abs=0.1)
    assert found.sparse_depth + found.dense_depth >= 1_500


def test_the_search_learns_to_stay_within_the_limit() -> None:
    """Within 30 ms lie 10 of the 25 pairs of depths; without learning so many of all trials would."""
    later = run(0, 100, limit_ms=30)[50:]
    assert sum(trial.worth.p95_ms <= 30 for trial in later) > 35
    assert best(run(0, 100, limit_ms=30), 30).worth.fit > 0.05


def test_a_seed_decides_every_trial() -> None:
    assert run(3) == run(3)
    assert run(3) != run(4)


def test_a_longer_search_begins_with_the_shorter() -> None:
    assert run(5, 60)[:40] == run(5, 40)


class Killed(Exception):
    """Stands for the end of the process."""


@pytest.mark.parametrize("torn", [b"", b'["{\\"retrievers\\":[', b"\xff\xfe"])
def test_a_search_that_was_killed_goes_on_as_if_it_had_not_been(tmp_path: Path, torn: bytes) -> None:
    whole = run(0)
    calls = itertools.count(1)

    def dies(config: PipelineConfig) -> Worth:
        if next(calls) > 30:
            raise Killed
        return planted(config)

    path = tmp_path / "trials.jsonl"
    with pytest.raises(Killed):
        run(0, evaluate=Remembered(path, "key", dies))
    with path.open("ab") as file:
        file.write(torn)
    asked: list[PipelineConfig] = []

    def counts(config: PipelineConfig) -> Worth:
        asked.append(config)
        return planted(config)

    resumed = Remembered(path, "key", counts)
    assert len(resumed) == 30
    assert run(0, evaluate=resumed) == whole
    distinct = {trial.config.model_dump_json() for trial in whole}
    assert len(asked) == len(distinct) - 30
    assert run(0, evaluate=Remembered(path, "key", dies)) == whole  # all is known now: nothing is worked out


def test_what_was_found_of_something_else_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "trials.jsonl"
    Remembered(path, "one index", planted)(PipelineConfig())
    assert len(Remembered(path, "one index", planted)) == 1
    assert len(Remembered(path, "another", planted)) == 0
    assert len(Remembered(path, "one index", planted)) == 0


def test_every_pipeline_hands_on_the_least_depth_and_no_more_than_there_is() -> None:
    space = Space.of(PipelineConfig(), passages=300, is_exact=True, least_depth=30)
    assert (space.depths, space.breadths) == ((30, 50, 100, 200), ())
    assert all(config.ef_search is None for config in space.corners())
    assert Space.of(PipelineConfig(), passages=5, is_exact=False, least_depth=100).depths == (5,)


def test_no_breadth_is_narrower_than_its_depth() -> None:
    for config in [trial.config for trial in run(0)] + SPACE.corners():
        if "dense" in config.retrievers:
            assert config.ef_search is not None
            assert config.ef_search >= config.dense_depth


def test_corners_begin_with_the_fastest_and_keep_what_is_not_tuned() -> None:
    base = PipelineConfig(rrf_k=7, weights={"sparse": 1.0, "dense": 3.0})
    corners = Space.of(base, 100_000, is_exact=False, least_depth=50).corners()
    assert [config.retrievers for config in corners[:3]] == [("sparse",), ("dense",), ("sparse", "dense")]
    assert all(config.rrf_k == 7 and config.weights == base.weights for config in corners)
    widest = corners[-1]
    assert (widest.sparse_depth, widest.dense_depth, widest.ef_search) == (1_000, 1_000, 1_024)
