"""What a tuning leaves behind: the pipeline file, every trial, and the picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import orjson

from tamis.files import whole
from tamis.rankers.config import PipelineConfig

from ..significance import bootstrap_interval
from .choose import Measured, undominated
from .confirm import Confirmation, Confirmed, Verdict
from .parts import Parts
from .scoring import PerQuery
from .trials import Trial

PIPELINE, TUNING, PICTURE = "pipeline.toml", "tuning.json", "pareto"


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a tuning."""

    target_ms: float
    """Greatest p95 latency of queries asked one at a time."""
    measure: str = "nDCG@10"
    trials: int = 100
    seed: int = 0
    queries: int = 1_000
    """Most queries that are taken from a split."""
    least_depth: int = 100
    """Candidates that every arm must hand on: requests for so many hits are answered in full."""
    force: bool = False
    """Write the tuned pipeline also where it was not confirmed."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished tuning."""

    request: Request
    parts: Parts
    fingerprints: Mapping[str, str]
    trials: Sequence[Trial]
    measured: Sequence[Measured]
    confirmation: Confirmation
    verdict: Verdict

    @property
    def written(self) -> PipelineConfig:
        """The pipeline that the verdict lets stand."""
        found = self.confirmation
        return (found.tuned if self.verdict.writes == "tuned" else found.default).config

    def write(self, folder: Path) -> None:
        """Write the pipeline file, all trials, and the picture."""
        from ..figure_style import save  # drawing takes a second to import
        from .picture import pareto

        _replace(folder / TUNING, orjson.dumps(self.as_dict(), option=orjson.OPT_INDENT_2))
        default, tuned = self.confirmation.default.config, self.confirmation.tuned.config
        figure = pareto(self.trials, self.measured, default, tuned, self.request.target_ms, self.request.measure)
        for suffix in (".svg", ".png"):
            save(figure, folder / f"{PICTURE}{suffix}")
        _replace(folder / PIPELINE, self._toml().encode())

    def as_dict(self) -> dict[str, object]:
        """Return everything as JSON can hold it."""
        fit, found = self.parts.is_fit, self.confirmation
        points = [(float(one.values.mean()), one.latency.p95_ms) for one in self.measured]
        return {
            "request": asdict(self.request),
            "training": {
                "collection": self.parts.training.name,
                "split": self.parts.training.split,
                "fitted": int(fit.sum()),
                "choosing": int((~fit).sum()),
            },
            "held_out": {
                "collection": self.parts.held_out.name,
                "split": self.parts.held_out.split,
                "queries": len(self.parts.held_out.queries),
            },
            "notes": list(self.parts.notes),
            "fingerprints": dict(self.fingerprints),
            "trials": [{"config": _plain(one.config), **asdict(one.worth)} for one in self.trials],
            "measured": [
                {
                    "config": _plain(one.config),
                    "fitted": float(one.values[fit].mean()),
                    "choosing": float(one.values[~fit].mean()),
                    "mean": float(one.values.mean()),
                    "interval_95": _interval(one.values),
                    "latency": asdict(one.latency),
                }
                for one in self.measured
            ],
            "front": undominated(points),
            "chosen": _plain(found.tuned.config),
            "confirmation": {
                "default": _confirmed(found.default),
                "tuned": _confirmed(found.tuned),
                "comparison": found.comparison and asdict(found.comparison),
            },
            "verdict": asdict(self.verdict),
        }

    def _toml(self) -> str:
        """Write the pipeline as configuration that `--config` takes, with what it was tuned on and is worth."""
        request, parts, found = self.request, self.parts, self.confirmation
        written = found.tuned if self.verdict.writes == "tuned" else found.default
        held_out = f"{parts.held_out.name}/{parts.held_out.split}"
        remarks = [
            f"The {self.verdict.writes} pipeline, by `tamis tune` for the best {request.measure} within a p95 of "
            f"{request.target_ms:g} ms.",
            f"Tuned on {len(parts.training.queries):,} queries of {parts.training.name}/{parts.training.split}: "
            f"{len(self.trials):,} trials, seed {request.seed}.",
            f"On {len(parts.held_out.queries):,} held-out queries of {held_out}: {request.measure} "
            f"{written.values.mean():.4f}, p95 {written.latency.p95_ms:.1f} ms.",
            self.verdict.sentence,
            f"Index {self.fingerprints['index']}",
        ]
        lines = [f"# {' '.join(remark.split())}" for remark in remarks]
        settings = written.config.model_dump(mode="json")
        lines += [
            "",
            "[pipeline]",
            *(f"{key} = {toml_value(value)}" for key, value in settings.items() if value is not None),
        ]
        return "\n".join(lines) + "\n"


def _replace(path: Path, content: bytes) -> None:
    with whole(path) as temporary:
        temporary.write_bytes(content)


def _plain(config: PipelineConfig) -> dict[str, object]:
    return config.model_dump(mode="json")


def _confirmed(one: Confirmed) -> dict[str, object]:
    return {
        "config": _plain(one.config),
        "mean": float(one.values.mean()),
        "interval_95": _interval(one.values),
        "latency": asdict(one.latency),
    }


def _interval(values: PerQuery) -> list[float]:
    interval = bootstrap_interval(np.asarray(values))
    return [interval.low, interval.high]


def toml_value(value: object) -> str:
    """Write a TOML value; strings, numbers, booleans and lists of them are written as in JSON."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml_value(one)}" for key, one in value.items() if one is not None) + " }"
    return orjson.dumps(value).decode()
