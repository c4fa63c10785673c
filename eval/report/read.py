"""The evaluation folders that a report is about, read and checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, Field, ValidationError

from tamis.errors import InvalidInput, NotFound
from tamis.eval.metrics import FILE, Metrics
from tamis.eval.relevant import FILE as RELEVANT

ABLATION = "ablation.json"

Model = TypeVar("Model", bound=BaseModel)


class MeasureSummary(BaseModel):
    """A measure's mean over the queries, as `metrics.json` states it."""

    mean: float
    interval_95: tuple[float, float]


class Effective(BaseModel):
    """What ran: the pipeline by name, what was taken out of it, and the stages that were left."""

    name: str
    without: list[str] = []
    stages: list[str] = []


class Summary(BaseModel):
    """What a report takes from `metrics.json` beside the values per query."""

    measures: dict[str, MeasureSummary]
    fingerprints: dict[str, str] = {}
    warnings: list[str] = []
    latency_ms: dict[str, dict[str, float]] = {}
    cost: dict[str, float] = {}
    pipeline: Effective | None = None


class Ranked(BaseModel):
    """A relevant passage and its rank after each stage; None: not there."""

    relevance: int
    ranks: dict[str, int | None]


class Relevant(BaseModel):
    """`relevant.json`: where each relevant passage went, by query and passage."""

    stages: list[str] = Field(min_length=1)
    queries: dict[str, dict[str, Ranked]]


class Verdict(BaseModel):
    """What one stage buys, for how many milliseconds, and whether to keep it."""

    stage: str
    gain: float
    interval: tuple[float, float]
    p: float
    ms: float
    verdict: str
    sentence: str


class Variant(BaseModel):
    """A variant of an ablation; its folder has its name."""

    name: str


class Ablation(BaseModel):
    """`ablation.json`: the variants, and the verdict on each stage."""

    measure: str
    baseline: str
    variants: list[Variant] = Field(min_length=1)
    verdicts: list[Verdict]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One system's evaluation."""

    folder: Path
    metrics: Metrics
    summary: Summary
    relevant: Relevant | None

    @property
    def name(self) -> str:
        """Name of the system, no other's in the report."""
        return self.metrics.name


def read_all(folders: Sequence[Path]) -> tuple[list[Evaluation], list[Ablation]]:
    """Read evaluations, the baseline first; an ablation's folder stands for its variants.

    Raises:
        NotFound: a folder holds no evaluation.
        InvalidInput: a file is garbled, or a folder is given twice.
    """
    ablations = [_read_ablation(folder) for folder in folders]
    places = [place for n, folder in enumerate(folders) for place in _expand(folder, ablations[n])]
    if twice := [place for place, times in Counter(place.resolve() for place in places).items() if times > 1]:
        raise InvalidInput(f"{twice[0]} is given twice; name each evaluation once")
    found = _named_apart([_read(place) for place in places])
    return found, [ablation for ablation in ablations if ablation]


def _read_ablation(folder: Path) -> Ablation | None:
    return _parse(Ablation, folder / ABLATION) if (folder / ABLATION).is_file() else None


def _expand(folder: Path, ablation: Ablation | None) -> list[Path]:
    if ablation is None:
        return [folder]
    names = [variant.name for variant in ablation.variants]
    if bad := [name for name in names if Path(name).name != name or name in ("", "..")]:
        raise InvalidInput(f"{folder / ABLATION}: {bad[0]!r} is no name of a folder; evaluate again")
    return [folder / name for name in sorted(names, key=lambda name: name != ablation.baseline)]


def _read(folder: Path) -> Evaluation:
    metrics = Metrics.read(folder)
    relevant = _parse(Relevant, folder / RELEVANT) if (folder / RELEVANT).is_file() else None
    return Evaluation(folder, metrics, _parse(Summary, folder / FILE), relevant)


def _parse(model: type[Model], path: Path) -> Model:
    try:
        return model.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise InvalidInput(f"{path} is garbled ({where}: {first['msg']}); evaluate again") from None
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}") from None


def _named_apart(found: Sequence[Evaluation]) -> list[Evaluation]:
    """Add the folder to names that several systems have, so that a reader can tell them apart."""
    times: Mapping[str, int] = Counter(one.name for one in found)
    return [
        replace(one, metrics=replace(one.metrics, name=f"{one.name} ({one.folder})")) if times[one.name] > 1 else one
        for one in found
    ]
