"""What a report says, before it is drawn or written: comparisons, deltas per query, lost passages, notes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tamis.errors import InvalidInput
from tamis.eval.compare import MARGIN, Comparison, compare
from tamis.eval.metrics import Metrics

from .fates import Fate, count
from .read import Ablation, Evaluation

MAIN = "nDCG@10"
"""Measure of the headlines and pictures, where all evaluations have it and none is named."""

SHOWN = 10
"""Queries in each table of the most won and lost."""


@dataclass(frozen=True, slots=True)
class Delta:
    """One query's values in the baseline and in another system."""

    query: str
    baseline: float
    system: float

    @property
    def difference(self) -> float:
        """System minus baseline."""
        return self.system - self.baseline


@dataclass(frozen=True, slots=True)
class Versus:
    """One system against the baseline by the main measure."""

    system: str
    comparison: Comparison | None
    """None where the baseline's mean is not above 0."""
    deltas: Sequence[Delta]
    """From the most won to the most lost query."""

    @property
    def won(self) -> Sequence[Delta]:
        """The queries that gained most."""
        return [delta for delta in self.deltas if delta.difference > 0][:SHOWN]

    @property
    def lost(self) -> Sequence[Delta]:
        """The queries that lost most, the worst first."""
        return [delta for delta in reversed(self.deltas) if delta.difference < 0][:SHOWN]


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that the page shows."""

    title: str
    measure: str
    """Measure of the headlines and pictures."""
    evaluations: Sequence[Evaluation]
    """The first is the baseline."""
    versus: Sequence[Versus]
    comparisons: Sequence[Comparison]
    """By all measures in common."""
    margin: float
    """Relative loss that is of no consequence."""
    ablations: Sequence[Ablation]
    fates: Mapping[str, Counter[Fate]]
    """By system; those whose `relevant.json` is there."""
    notes: Sequence[str]
    texts: Mapping[str, str]
    """Texts of queries by id, as far as known."""


def gather(
    evaluations: Sequence[Evaluation],
    ablations: Sequence[Ablation] = (),
    *,
    measure: str | None = None,
    title: str | None = None,
    margin: float = MARGIN,
    texts: Mapping[str, str] | None = None,
) -> Report:
    """Work out what a report says.

    Args:
        evaluations: of the same queries; the first is the baseline.
        ablations: whose verdicts to show.
        measure: of headlines and pictures; None: an ablation's, else nDCG@10, else the first.
        title: of the page; None: the collection's name and split.
        margin: relative loss that is of no consequence.
        texts: of the queries, by id.

    Raises:
        InvalidInput: other queries, no measure in common, or not this one.
    """
    baseline, *others = [one.metrics for one in evaluations]
    shared = [name for name in baseline.values if all(name in other.values for other in others)]
    chosen = _choose(measure, [ablation.measure for ablation in ablations], shared, list(baseline.values))
    notes = _notes(evaluations, shared)
    comparable = [name for name in shared if baseline.values[name].mean() > 0]
    notes += [
        f"{name} is not compared: the baseline's mean of {baseline.values[name].mean():.4f} is not above 0"
        for name in shared
        if name not in comparable
    ]
    found = compare([_only(one, comparable) for one in (baseline, *others)], margin) if others and comparable else []
    return Report(
        title=title or f"{baseline.collection}, {baseline.split}",
        measure=chosen,
        evaluations=evaluations,
        versus=[_versus(baseline, other, chosen, found) for other in others],
        comparisons=found,
        margin=margin,
        ablations=ablations,
        fates={one.name: _fates(one) for one in evaluations if one.relevant},
        notes=notes,
        texts=texts or {},
    )


def _choose(wanted: str | None, ablated: Sequence[str], shared: Sequence[str], known: Sequence[str]) -> str:
    if not shared:
        raise InvalidInput(f"no measure is in all evaluations; the baseline has {', '.join(known)}")
    if wanted and wanted not in shared:
        raise InvalidInput(f"measure {wanted!r} is not in all evaluations; those that are: {', '.join(shared)}")
    return next((name for name in (*([wanted] if wanted else ablated), MAIN) if name in shared), shared[0])


def _only(metrics: Metrics, measures: Sequence[str]) -> Metrics:
    return replace(metrics, values={name: metrics.values[name] for name in measures})


def _versus(baseline: Metrics, system: Metrics, measure: str, found: Sequence[Comparison]) -> Versus:
    if set(baseline.queries) != set(system.queries):  # `compare` says so too, where it is asked
        raise InvalidInput(
            f"{baseline.name} and {system.name} answer other queries; report on one collection and split"
        )
    before = dict(zip(baseline.queries, baseline.values[measure].tolist(), strict=True))
    after = dict(zip(system.queries, system.values[measure].tolist(), strict=True))
    deltas = sorted(
        (Delta(query, before[query], after[query]) for query in before),
        key=lambda delta: (-delta.difference, delta.query),
    )
    mine = [one for one in found if one.system == system.name and one.measure == measure]
    return Versus(system.name, mine[0] if mine else None, deltas)


def _fates(evaluation: Evaluation) -> Counter[Fate]:
    relevant = evaluation.relevant
    if relevant is None:
        return Counter()
    ranks = {
        query: {passage: ranked.ranks for passage, ranked in passages.items()}
        for query, passages in relevant.queries.items()
    }
    return count(relevant.stages, ranks)


def _notes(evaluations: Sequence[Evaluation], shared: Sequence[str]) -> list[str]:
    baseline = evaluations[0]
    notes = [f"{one.name}: {warning}" for one in evaluations for warning in one.summary.warnings]
    for one in evaluations[1:]:
        mine, its = (each.summary.fingerprints.get("collection") for each in (baseline, one))
        if mine and its and mine != its:
            notes.append(f"{one.name}: queries or judgments differ from those of {baseline.name} (other fingerprint)")
    partial = {name for one in evaluations for name in one.metrics.values} - set(shared)
    if partial:
        notes.append(f"not in all evaluations, so not compared: {', '.join(sorted(partial))}")
    unrecorded = [one.name for one in evaluations if one.relevant is None]
    if 0 < len(unrecorded) < len(evaluations):
        notes.append(f"no relevant.json, so it is not known where passages were lost: {', '.join(unrecorded)}")
    return notes
