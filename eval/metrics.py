"""metrics.json: the outcome of one evaluation, for people, for `compare`, and for whoever repeats it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from tamis.errors import InvalidInput, NotFound

from .measures import Values
from .significance import Interval, bootstrap_intervals

FILE = "metrics.json"


@dataclass(frozen=True, slots=True)
class Effective:
    """What ran: a pipeline by name, what was taken out of it, and the stages that were left, in order."""

    name: str
    without: tuple[str, ...]
    stages: tuple[str, ...]


@dataclass(frozen=True)
class Metrics:
    """Values by measure and query, and where they come from."""

    name: str
    collection: str
    split: str
    queries: Sequence[str]
    values: Values
    latency_ms: Mapping[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    pipeline: Effective | None = None
    """None: the run came from elsewhere."""
    cost: Mapping[str, float] = field(default_factory=dict)
    """Means per query: `passages_scored`, `tokens`, `cpu_seconds`; what is not known is not there."""

    @cached_property
    def intervals(self) -> dict[str, Interval]:
        """The 95 % bootstrap interval of each measure's mean."""
        low, high = bootstrap_intervals(np.stack(list(self.values.values())))
        return {name: Interval(float(low[n]), float(high[n])) for n, name in enumerate(self.values)}

    @property
    def percentiles(self) -> dict[str, dict[str, float]]:
        """Milliseconds `p50`, `p95` and `p99` of each step."""
        return {step: _percentiles(values) for step, values in self.latency_ms.items()}

    def write(self, folder: Path) -> None:
        """Write `metrics.json` into a folder."""
        measures = {
            measure: {
                "mean": float(values.mean()),
                "interval_95": [self.intervals[measure].low, self.intervals[measure].high],
                "per_query": dict(zip(self.queries, values.tolist(), strict=True)),
            }
            for measure, values in self.values.items()
        }
        content: dict[str, object] = {
            "name": self.name,
            "collection": self.collection,
            "split": self.split,
            "queries": len(self.queries),
            "fingerprints": dict(self.fingerprints),
            "warnings": list(self.warnings),
            "latency_ms": self.percentiles,
            "measures": measures,
        }
        content |= {"pipeline": asdict(self.pipeline)} if self.pipeline else {}
        content |= {"cost": dict(self.cost)} if self.cost else {}
        (folder / FILE).write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2))

    @staticmethod
    def read(folder: Path) -> Metrics:
        """Read what an evaluation wrote.

        Raises:
            NotFound: the folder holds no `metrics.json`.
            InvalidInput: it is garbled.
        """
        path = folder / FILE
        try:
            content: dict[str, Any] = orjson.loads(path.read_bytes())
            queries = list(next(iter(content["measures"].values()))["per_query"])
            values = {
                measure: np.array([found["per_query"][query] for query in queries], np.float64)
                for measure, found in content["measures"].items()
            }
            return Metrics(
                content["name"], content["collection"], content["split"], queries, values,
                fingerprints=content["fingerprints"], warnings=content["warnings"],
            )  # fmt: skip
        except FileNotFoundError:
            raise NotFound(f"{folder} holds no {FILE}; make one with `tamis eval run` or `tamis eval score`") from None
        except (orjson.JSONDecodeError, KeyError, TypeError, StopIteration) as error:
            raise InvalidInput(f"{path} is garbled ({error!r}); evaluate again") from None


def _percentiles(values: npt.NDArray[np.float64]) -> dict[str, float]:
    return {f"p{share}": round(float(np.percentile(values, share)), 3) for share in (50, 95, 99)}
