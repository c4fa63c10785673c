"""metrics.json: the outcome of one evaluation, for people, for `compare`, and for whoever repeats it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from tamis.errors import InvalidInput, NotFound

from .measures import Values
from .significance import bootstrap_interval

FILE = "metrics.json"


@dataclass(frozen=True, slots=True)
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

    def write(self, folder: Path) -> None:
        """Write `metrics.json` into a folder."""
        measures = {}
        for measure, values in self.values.items():
            interval = bootstrap_interval(values)
            measures[measure] = {
                "mean": float(values.mean()),
                "interval_95": [interval.low, interval.high],
                "per_query": dict(zip(self.queries, values.tolist(), strict=True)),
            }
        latency = {step: _percentiles(values) for step, values in self.latency_ms.items()}
        content = {
            "name": self.name,
            "collection": self.collection,
            "split": self.split,
            "queries": len(self.queries),
            "fingerprints": dict(self.fingerprints),
            "warnings": list(self.warnings),
            "latency_ms": latency,
            "measures": measures,
        }
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
