from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tamis.errors import InvalidInput, NotFound
from tamis.eval.compare import compare
from tamis.eval.metrics import Metrics

GENERATOR = np.random.default_rng(11)
QUERIES = [f"q{number}" for number in range(80)]
BASE = GENERATOR.beta(2, 2, size=80)


def metrics(name: str, values: np.ndarray, queries: list[str] | None = None) -> Metrics:
    """An evaluation by one measure."""
    return Metrics(name, "collection", "test", queries or QUERIES, {"nDCG@10": values})


def test_a_clear_gain_is_called_better() -> None:
    gain = BASE + 0.05 + GENERATOR.normal(0, 0.02, 80)
    found = compare([metrics("base", BASE), metrics("new", gain)])[0]
    assert found.conclusion.startswith("new is better than base by nDCG@10: +0.05")
    assert found.interval.low > 0
    assert found.wins + found.ties + found.losses == 80


def test_a_tiny_difference_is_called_equivalent_not_just_insignificant() -> None:
    same = BASE + GENERATOR.normal(0, 0.01, 80)
    found = compare([metrics("base", BASE), metrics("twin", same - (same - BASE).mean())])[0]
    assert "equivalent" in found.conclusion


def test_too_few_queries_conclude_nothing() -> None:
    few, noisy = BASE[:6], np.clip(BASE[:6] + GENERATOR.normal(0, 0.3, 6), 0, 1)
    found = compare([metrics("base", few, QUERIES[:6]), metrics("other", noisy, QUERIES[:6])])[0]
    assert found.conclusion.startswith("Nothing may be concluded")


def test_queries_are_paired_by_id_not_by_place() -> None:
    turned = metrics("turned", BASE[::-1].copy(), QUERIES[::-1])
    found = compare([metrics("base", BASE), turned])[0]
    assert found.difference == pytest.approx(0)
    assert (found.wins, found.losses, found.ties) == (0, 0, 80)


def test_holm_counts_every_comparison_made() -> None:
    """With three systems each p-value is adjusted for two tests, so it cannot be below the raw one."""
    slight = BASE + 0.01 + GENERATOR.normal(0, 0.04, 80)
    alone = compare([metrics("base", BASE), metrics("a", slight)])[0]
    noise = BASE + GENERATOR.normal(0, 0.04, 80)
    together = compare([metrics("base", BASE), metrics("a", slight), metrics("b", noise)])
    assert together[0].p_t >= alone.p_t
    assert together[0].p_t == pytest.approx(min(1.0, alone.p_t * (2 if alone.p_t <= together[1].p_t else 1)), rel=0.5)


def test_other_queries_are_refused() -> None:
    with pytest.raises(InvalidInput, match="80 and 79, 79 shared"):
        compare([metrics("base", BASE), metrics("other", BASE[:79], QUERIES[:79])])
    with pytest.raises(InvalidInput, match="two evaluations or more"):
        compare([metrics("base", BASE)])


def test_metrics_survive_their_file(tmp_path: Path) -> None:
    written = Metrics(
        "name", "c", "dev", QUERIES, {"AP": BASE}, {"total": np.array([1.0, 2.0])}, {"index": "x"}, ["careful"]
    )
    written.write(tmp_path)
    read = Metrics.read(tmp_path)
    assert read.values["AP"].tolist() == BASE.tolist()
    assert (read.name, read.queries, read.warnings, read.fingerprints) == ("name", QUERIES, ["careful"], {"index": "x"})
    (tmp_path / "metrics.json").write_text("{}")
    with pytest.raises(InvalidInput, match="garbled"):
        Metrics.read(tmp_path)
    with pytest.raises(NotFound, match="tamis eval run"):
        Metrics.read(tmp_path / "none")
