"""Quality: what each step down for want of time costs, as an ablation found it."""

from __future__ import annotations

from pathlib import Path

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from tamis.errors import DamagedFile, NotFound

from .info_schemas import QualityCost, Rung


class _Verdict(BaseModel):
    model_config = ConfigDict(extra="ignore")
    stage: str
    gain: float
    interval: tuple[float, float]
    ms: float


class _Ablation(BaseModel):
    model_config = ConfigDict(extra="ignore")
    measure: str
    verdicts: list[_Verdict]


LADDER = (
    ("rerank", False, "reads fewer candidates, the best first; the others keep their order below them"),
    ("rerank", True, "is left out; the order before it stands"),
    ("blend", True, "is left out; the fused order stands"),
)
"""Stage, whether it is gone, and what happens."""


def ladder(evaluation: Path | None) -> list[Rung]:
    """List the steps down; with the `ablation.json` of `tamis eval ablate`, what leaving a stage out costs.

    Reading fewer candidates costs at most that: nothing, where all are read.

    Raises:
        NotFound: there is no such file.
        DamagedFile: it is no ablation.
    """
    costs = {} if evaluation is None else _costs(evaluation)
    found = []
    for stage, gone, action in LADDER:
        cost = costs.get(stage)
        at_most = None if cost is None else cost.model_copy(update={"exact": gone})
        found.append(Rung(stage=stage, action=action, cost=at_most))
    return found


def _costs(file: Path) -> dict[str, QualityCost]:
    try:
        ablation = _Ablation.model_validate(orjson.loads(file.read_bytes()))
    except OSError:
        raise NotFound(
            f"service.evaluation names {file}, which cannot be read; `tamis eval ablate` writes it"
        ) from None
    except (ValidationError, orjson.JSONDecodeError) as error:
        raise DamagedFile(
            f"{file} is no ablation.json ({str(error).splitlines()[0]}); run `tamis eval ablate`"
        ) from None
    return {
        one.stage: QualityCost(
            measure=ablation.measure, loss=one.gain, interval=one.interval, saved_ms=one.ms, exact=True
        )
        for one in ablation.verdicts
    }
