"""Where each relevant passage went on its way through a pipeline: who found it, and which stage lost it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

TOP = 10
"""Ranks that a reader is thought to look at."""

IN_TOP = f"in the top {TOP}"
BELOW = f"ranked below {TOP}"
LOST = "not retrieved"
NOBODY = "nobody"
FUSED = "fused"


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one relevant passage."""

    found_by: tuple[str, ...]
    """The retrievers that found it."""
    end: str
    """`in the top 10`, `ranked below 10`, `cut by STAGE` or `not retrieved`."""

    @property
    def found_label(self) -> str:
        """Say who found it: `sparse and dense`, `dense only`, `nobody`."""
        if len(self.found_by) == 1:
            return f"{self.found_by[0]} only"
        return " and ".join(self.found_by) or NOBODY


def retrievers(stages: Sequence[str]) -> Sequence[str]:
    """Return the stages that ran side by side before the fusion; without one, the first stage."""
    return stages[: stages.index(FUSED)] if FUSED in stages[1:] else stages[:1]


def fate(stages: Sequence[str], ranks: Mapping[str, int | None]) -> Fate:
    """Say what became of a passage.

    Args:
        stages: those that ran, in order.
        ranks: its rank after each; None or absent: the stage did not find it, or did not hand it on.
    """
    arms = retrievers(stages)
    finders = tuple(arm for arm in arms if ranks.get(arm) is not None)
    if not finders:
        return Fate((), LOST)
    for stage in stages[len(arms) :]:
        if ranks.get(stage) is None:
            return Fate(finders, cut_by(stage))
    last = ranks[stages[-1]]
    return Fate(finders, IN_TOP if last is not None and last <= TOP else BELOW)


def cut_by(stage: str) -> str:
    """Name the end of what a stage did not hand on."""
    return f"cut by {'fusion' if stage == FUSED else stage}"


def count(stages: Sequence[str], relevant: Mapping[str, Mapping[str, Mapping[str, int | None]]]) -> Counter[Fate]:
    """Count the fates of all relevant passages.

    Args:
        stages: those that ran, in order.
        relevant: ranks by stage, by query and passage.
    """
    return Counter(fate(stages, ranks) for passages in relevant.values() for ranks in passages.values())
