"""Pipelines with stages taken out: what `--without` asks for, and the variants of an ablation."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from tamis.errors import InvalidInput

from .config import PipelineConfig
from .pipeline import Pipeline

STAGES = ("sparse", "dense", "blend", "rerank")
"""What can be taken out."""

SLOTS = ("blend", "rerank")
"""Stages that may be empty."""

T = TypeVar("T", PipelineConfig, Pipeline)


@dataclass(frozen=True, slots=True)
class Variant:
    """A pipeline with some stages taken out."""

    name: str
    without: tuple[str, ...] = ()


def without(what: T, names: Collection[str]) -> T:
    """Return a pipeline, or a pipeline's configuration, without some stages; one that is not there is no error.

    Raises:
        InvalidInput: a name is no stage, or no retriever would be left.
    """
    for name in names:
        if name not in STAGES:
            near = difflib.get_close_matches(name, STAGES, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"the stages are {', '.join(STAGES)}"
            raise InvalidInput(f"a pipeline has no stage {name!r}; {hint}")
    kept = [arm for arm in what.retrievers if arm not in names]
    if not kept:
        raise InvalidInput(f"without {', '.join(names)} the pipeline has no retriever left; keep sparse or dense")
    if isinstance(what, PipelineConfig):
        known = [slot for slot in SLOTS if slot in names and slot in PipelineConfig.model_fields]
        return what.model_copy(update={"retrievers": tuple(kept), **dict.fromkeys(known)})
    return replace(
        what,
        retrievers={arm: what.retrievers[arm] for arm in kept},
        blend=None if "blend" in names else what.blend,
        rerank=None if "rerank" in names else what.rerank,
        models={step: model for step, model in what.models.items() if step not in names},
    )


def ablations(pipeline: Pipeline) -> list[Variant]:
    """Return the variants that tell what each stage is worth, the full pipeline first.

    These are: without each rescorer, without all of them, without each retriever, each retriever alone. Where
    several would leave the same stages, the first name is taken that says most: `sparse-alone`.
    """
    arms, rescorers = tuple(pipeline.retrievers), tuple(pipeline.rescorers)
    removed: list[tuple[str, ...]] = [(name,) for name in rescorers]
    if len(rescorers) > 1:
        removed.append(rescorers)
    found = [Variant("full"), *(Variant(f"without-{'-'.join(names)}", names) for names in removed)]
    if len(arms) > 1:
        if rescorers:
            found += [Variant(f"without-{arm}", (arm,)) for arm in arms]
        found += [Variant(f"{arm}-alone", _others(arm, arms) + rescorers) for arm in arms]
    return found


def _others(arm: str, arms: Sequence[str]) -> tuple[str, ...]:
    return tuple(other for other in arms if other != arm)
