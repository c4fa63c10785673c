"""Evaluation folders as `tamis eval run` leaves them, written by hand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

QUERIES = [f"q{number}" for number in range(40)]
BASE = np.random.default_rng(5).beta(2, 2, size=40)


def write_evaluation(folder: Path, name: str, values: Mapping[str, Any], **parts: Any) -> Path:
    """Write `metrics.json`, and `relevant.json` where it is given, as the evaluation's files are specified.

    Args:
        folder: to be made.
        name: of the system.
        values: of each query by measure.
        parts: `queries`, `relevant`; the others replace what `metrics.json` would hold.
    """
    folder.mkdir(parents=True)
    queries = parts.pop("queries", QUERIES)
    relevant = parts.pop("relevant", None)
    measures = {
        measure: {
            "mean": float(np.mean(found)),
            "interval_95": [float(np.mean(found)) - 0.04, float(np.mean(found)) + 0.05],
            "per_query": dict(zip(queries, map(float, found), strict=True)),
        }
        for measure, found in values.items()
    }
    content = {"name": name, "collection": "tiny", "split": "test", "queries": len(queries), "fingerprints": {}}
    content |= {"warnings": [], "latency_ms": {}, "measures": measures, **parts}
    (folder / "metrics.json").write_bytes(orjson.dumps(content))
    if relevant is not None:
        (folder / "relevant.json").write_bytes(orjson.dumps(relevant))
    return folder


def latency(p50: float) -> dict[str, dict[str, float]]:
    """Latency of a pipeline of two arms."""
    return {
        "sparse": {"p50": p50 / 4, "p95": p50 / 3, "p99": p50 / 2},
        "total": {"p50": p50, "p95": p50 * 1.5, "p99": p50 * 2},
    }


def relevant(stages: list[str], *ranks: list[int | None]) -> dict[str, Any]:
    """One relevant passage for each query: its ranks after the stages."""
    return {
        "stages": stages,
        "queries": {
            query: {f"p{number}": {"relevance": 1, "ranks": dict(zip(stages, found, strict=True))}}
            for number, (query, found) in enumerate(zip(QUERIES, ranks, strict=False))
        },
    }


FUNNEL = ["sparse", "dense", "fused", "blend", "rerank"]


def write_three(root: Path) -> list[Path]:
    """Write a baseline, a clearly better system, and one that somebody else made, without latencies."""
    better = np.clip(BASE + 0.08, 0, 1)
    noisy = np.clip(BASE + np.random.default_rng(6).normal(0, 0.2, 40), 0, 1)
    ranks: list[list[int | None]] = [[1, 3, 2, 2, 1], [4, None, 9, 40, 11], [None, 5, 70, 60, None], [None] * 5]
    return [
        write_evaluation(
            root / "base", "base", {"nDCG@10": BASE, "AP": BASE * 0.9}, latency_ms=latency(12.0),
            warnings=["2 ids are unknown"], fingerprints={"index": "a" * 64, "collection": "c" * 64},
            cost={"passages_scored": 50.0, "tokens": 1234.5},
            pipeline={"name": "default", "without": ["rerank"], "stages": ["sparse", "dense", "fused"]},
            relevant=relevant(FUNNEL, *ranks),
        ),
        write_evaluation(
            root / "better", "better", {"nDCG@10": better, "AP": better * 0.9}, latency_ms=latency(90.0),
            fingerprints={"index": "b" * 64, "collection": "c" * 64},
            relevant=relevant(["sparse", "fused"], [1, 1], [None, None], [11, 11], [3, None]),
        ),
        write_evaluation(root / "other", "somebody's", {"nDCG@10": noisy, "AP": noisy * 0.9}),
    ]  # fmt: skip


def write_ablation(folder: Path) -> Path:
    """Write an ablation's folder with two variants."""
    for name in ("full", "no-dense"):
        write_evaluation(folder / name, name, {"AP": BASE, "nDCG@10": BASE})
    (folder / "ablation.json").write_bytes(orjson.dumps(ABLATION))
    return folder


ABLATION = {
    "measure": "AP",
    "baseline": "full",
    "variants": [{"name": name, "mean": 0.5, "interval": [0.4, 0.6], "ms_p50": 3.0} for name in ("no-dense", "full")],
    "verdicts": [
        {"stage": "dense", "gain": 0.02, "interval": [0.01, 0.03], "p": 0.01, "ms": 9.0, "verdict": "keep",
         "sentence": "Keep dense."}
    ],
}  # fmt: skip


@pytest.fixture
def three(tmp_path: Path) -> list[Path]:
    """Folders of a baseline, a clearly better system, and one that somebody else made."""
    return write_three(tmp_path)
