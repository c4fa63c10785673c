from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from tamis.eval.figure_style import save
from tamis.eval.tune.choose import Measured
from tamis.eval.tune.picture import pareto
from tamis.eval.tune.timing import Latency
from tamis.eval.tune.trials import Trial, Worth
from tamis.rankers.config import PipelineConfig

CONFIGS = [PipelineConfig(sparse_depth=depth) for depth in (10, 20, 50)]
TRIALS = [Trial(config, Worth(0.5, 0.5, 20.0 + place)) for place, config in enumerate(CONFIGS)]
MEASURED = [
    Measured(config, np.linspace(0.3, 0.6 + place / 10, 30), Latency(8.0, 40.0 + place, 35.0, 48.0))
    for place, config in enumerate(CONFIGS)
]


def legend(target_ms: float, tuned: PipelineConfig) -> tuple[list[str], list[str], tuple[float, float]]:
    """Names in the legend, other texts in the axes, and the range of latencies."""
    figure = pareto(TRIALS, MEASURED, CONFIGS[0], tuned, target_ms, "nDCG@10")
    (axes,) = figure.axes
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    return names, [text.get_text() for text in axes.texts], axes.get_xlim()


def test_default_tuned_front_and_target_are_marked() -> None:
    names, texts, limits = legend(80, CONFIGS[2])
    assert sorted(names) == ["default", "front", "measured", "tried (latency estimated)", "tuned"]
    assert texts == ["target 80 ms "]
    assert limits[0] < 35 < 80 < limits[1]


def test_a_default_that_stays_is_not_marked_twice() -> None:
    assert "tuned" not in legend(80, CONFIGS[0])[0]


def test_a_target_far_off_leaves_the_points_their_room() -> None:
    _, texts, limits = legend(1_000, CONFIGS[2])
    assert texts == ["target 1000 ms →"]
    assert limits[1] < 60


def test_estimates_are_drawn_on_the_scale_of_what_was_measured() -> None:
    """The default was estimated at 20 ms and measured at 40: all estimates are doubled."""
    figure = pareto(TRIALS, MEASURED, CONFIGS[0], CONFIGS[2], 80, "nDCG@10")
    drawn = np.asarray(figure.axes[0].collections[0].get_offsets())
    assert drawn[:, 0].tolist() == pytest.approx([40.0, 42.0, 44.0])


@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_the_same_tuning_gives_the_same_bytes(tmp_path: Path, suffix: str) -> None:
    paths = [tmp_path / f"{name}{suffix}" for name in "ab"]
    for path in paths:
        save(pareto(TRIALS, MEASURED, CONFIGS[0], CONFIGS[2], 80, "nDCG@10"), path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    if suffix == ".svg":
        assert not re.search(rb"https?://(?!www\.w3\.org)", paths[0].read_bytes())
