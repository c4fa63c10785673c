"""Two evaluations of the same queries: what differs, and what may be concluded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from tamis.errors import InvalidInput

from .metrics import Metrics
from .significance import (
    LEVEL,
    Interval,
    bootstrap_interval,
    effect_size,
    equivalence,
    holm,
    non_inferiority,
    paired_t,
    randomisation,
)

Outcome = Literal["better", "worse", "equivalent", "not worse", "open"]

MARGIN = 0.05
"""Loss, relative to the baseline's mean, that is held to be of no consequence."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One system against the baseline by one measure; p-values are adjusted by Holm over all comparisons."""

    measure: str
    system: str
    baseline: str
    mean: float
    baseline_mean: float
    interval: Interval
    """Of the mean difference, system minus baseline, at 95 %."""
    p_t: float
    p_randomisation: float
    p_equivalence: float
    p_non_inferiority: float
    effect: float
    wins: int
    ties: int
    losses: int
    margin: float
    """Absolute: the stated share of the baseline's mean."""

    @property
    def difference(self) -> float:
        """Mean difference, system minus baseline."""
        return self.mean - self.baseline_mean

    @property
    def outcome(self) -> Outcome:
        """Say in a word what may be concluded."""
        if self.p_randomisation < LEVEL:
            return "better" if self.difference > 0 else "worse"
        if self.p_equivalence < LEVEL:
            return "equivalent"
        return "not worse" if self.p_non_inferiority < LEVEL else "open"

    @property
    def conclusion(self) -> str:
        """Say in one sentence what may be concluded."""
        size = f"{self.difference:+.4f} [{self.interval.low:+.4f}, {self.interval.high:+.4f}]"
        outcome = self.outcome
        if outcome in ("better", "worse"):
            p = f"p {self.p_randomisation:.3g}"
            return f"{self.system} is {outcome} than {self.baseline} by {self.measure}: {size}, {p}."
        if outcome == "equivalent":
            return (
                f"{self.system} and {self.baseline} are equivalent by {self.measure} within ±{self.margin:.4f}: {size}."
            )
        if outcome == "not worse":
            less = f"not worse than {self.baseline} by {self.margin:.4f} or more"
            return f"{self.system} is {less} by {self.measure}: {size}."
        return (
            f"Nothing may be concluded about {self.system} and {self.baseline} by {self.measure}: {size}; "
            "more queries are needed."
        )


def compare(systems: Sequence[Metrics], margin: float = MARGIN) -> list[Comparison]:
    """Compare all systems with the first, by every measure that all have.

    Args:
        systems: evaluations of the same queries; the first is the baseline.
        margin: relative loss that is of no consequence, above 0.

    Raises:
        InvalidInput: fewer than two systems, other queries, or no measure in common.
    """
    if len(systems) < 2:
        raise InvalidInput(f"comparing needs two evaluations or more, got {len(systems)}")
    baseline, *others = systems
    for other in others:
        _check_same(baseline, other)
    measures = [name for name in baseline.values if all(name in other.values for other in others)]
    if not measures:
        raise InvalidInput(f"no measure is in all evaluations; the baseline has {', '.join(baseline.values)}")
    raw = [_one(baseline, other, measure, margin) for measure in measures for other in others]
    adjusted = {name: holm([getattr(one, name) for one in raw]) for name in ("p_t", "p_randomisation")}
    return [_adjusted(one, adjusted["p_t"][n], adjusted["p_randomisation"][n]) for n, one in enumerate(raw)]


def _check_same(baseline: Metrics, other: Metrics) -> None:
    if set(baseline.queries) != set(other.queries):
        shared = len(set(baseline.queries) & set(other.queries))
        raise InvalidInput(
            f"{baseline.name} and {other.name} answer other queries ({len(baseline.queries)} and "
            f"{len(other.queries)}, {shared} shared); compare evaluations of the same collection and split"
        )


def _one(baseline: Metrics, system: Metrics, measure: str, margin: float) -> Comparison:
    places = {query: place for place, query in enumerate(system.queries)}
    values = system.values[measure][[places[query] for query in baseline.queries]]
    differences = values - baseline.values[measure]
    base = float(baseline.values[measure].mean())
    absolute = margin * base
    if not absolute > 0:
        raise InvalidInput(f"{baseline.name} has mean {measure} of {base}: a relative margin needs a mean above 0")
    return Comparison(
        measure=measure,
        system=system.name,
        baseline=baseline.name,
        mean=float(values.mean()),
        baseline_mean=base,
        interval=bootstrap_interval(differences),
        p_t=paired_t(differences),
        p_randomisation=randomisation(differences),
        p_equivalence=equivalence(differences, absolute),
        p_non_inferiority=non_inferiority(differences, absolute),
        effect=effect_size(differences),
        wins=int((differences > 0).sum()),
        ties=int((differences == 0).sum()),
        losses=int((differences < 0).sum()),
        margin=absolute,
    )


def _adjusted(one: Comparison, p_t: float, p_randomisation: float) -> Comparison:
    return replace(one, p_t=p_t, p_randomisation=p_randomisation)
