"""Hit and SearchResult: a ranking with the passages' texts, as people and programs see it."""

from __future__ import annotations

from dataclasses import dataclass, field

from tamis.indexer.passage import Metadata


@dataclass(frozen=True, slots=True)
class StageScore:
    """What one stage said of a passage."""

    rank: int
    """1 is best."""
    score: float


@dataclass(frozen=True, slots=True)
class Degradation:
    """A stage that did less than it should have, and what was done about it."""

    stage: str
    reason: str
    action: str


@dataclass(frozen=True, slots=True)
class ColdDecision:
    """Whether the cold tier was asked for a query, and why."""

    asked: bool
    reason: str
    gap: float | None = None
    """By how much the best hot passage stands out in the dense arm's scores; None: it was not looked at."""
    below: float | None = None
    """What it was compared with."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One answer."""

    id: str
    rank: int
    """1 is best."""
    score: float
    title: str
    text: str
    document_id: str
    metadata: Metadata = field(default_factory=dict)
    stages: dict[str, StageScore | None] = field(default_factory=dict)
    """Score and rank by stage name, in pipeline order; None: the stage did not find this passage."""
    explain: dict[str, float] | None = None
    """What each group of features added to the blend's score, where that was asked for; they sum up to it."""


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The answers to one query, and what they cost."""

    query: str
    hits: list[Hit]
    took_ms: float
    timings_ms: dict[str, float]
    """Milliseconds by stage name; `sparse` and `dense` run side by side."""
    degraded: list[Degradation] = field(default_factory=list)
    candidates: dict[str, int] = field(default_factory=dict)
    """How many candidates each stage gave, by stage name."""
    cold: ColdDecision | None = None
    """None: the pipeline has no cold tier, or never asks it."""
