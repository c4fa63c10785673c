"""The chosen pipeline against the default, on queries that neither was fitted to: the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tamis.indexer.progress import Progress, Report
from tamis.rankers.config import PipelineConfig
from tamis.rankers.ranking import Query

from ..compare import Comparison, compare
from ..metrics import Metrics
from .scoring import PerQuery, Scorer
from .timing import Latency, measure

ROUNDS = 5
"""Times that each query is asked for its latency."""

Kind = Literal["better", "not better", "within the target", "over the target", "default"]


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A pipeline's values and latency on the held-out queries."""

    config: PipelineConfig
    values: PerQuery
    latency: Latency


@dataclass(frozen=True, slots=True)
class Confirmation:
    """Default and tuned pipeline on the held-out queries."""

    default: Confirmed
    tuned: Confirmed
    comparison: Comparison | None
    """None: they are one and the same."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was confirmed, and which pipeline is written."""

    kind: Kind
    writes: Literal["default", "tuned"]
    sentence: str


def confirm(
    scorer: Scorer, default: PipelineConfig, tuned: PipelineConfig, sample: Sequence[Query], progress: Progress
) -> Confirmation:
    """Run both pipelines over the held-out queries, and time them on some, asked one at a time."""
    configs = {"default": default} if tuned == default else {"default": default, "tuned": tuned}
    count = len(scorer.judged.queries)
    with progress.phase("confirm", len(configs) * count, "queries") as report:
        values = {
            name: scorer.real(config, _after(place * count, report))
            for place, (name, config) in enumerate(configs.items())
        }
    pipelines = {name: scorer.pipeline(config) for name, config in configs.items()}
    with progress.phase("timing", ROUNDS, "rounds") as report:
        latencies = measure(pipelines, sample, ROUNDS, report)
    confirmed = {name: Confirmed(config, values[name], latencies[name]) for name, config in configs.items()}
    comparison = None
    if "tuned" in values:
        comparison = compare([_metrics(scorer, name, found) for name, found in values.items()])[0]
    return Confirmation(confirmed["default"], confirmed.get("tuned", confirmed["default"]), comparison)


def _after(start: int, report: Report) -> Report:
    return lambda done: report(start + done)


def _metrics(scorer: Scorer, name: str, values: PerQuery) -> Metrics:
    ids = [query.id for query in scorer.judged.queries]
    return Metrics(name, scorer.judged.name, scorer.judged.split, ids, {str(scorer.measure): values})


def decide(found: Confirmation, target_ms: float, force: bool) -> Verdict:
    """Say which pipeline may be used from now on.

    The tuned one, where it is significantly better and within the target, or where the default is
    over the target; else the default. `force` writes the tuned one in any case.
    """
    kind, sentence = _judge(found, target_ms)
    if found.comparison is None:
        return Verdict(kind, "default", sentence)
    earned = kind in ("better", "within the target")
    if force and not earned:
        return Verdict(kind, "tuned", f"{sentence} The tuned pipeline is written all the same (--force).")
    ending = "The tuned pipeline is written." if earned else "The default is written; --force writes the tuned one."
    return Verdict(kind, "tuned" if earned else "default", f"{sentence} {ending}")


def _judge(found: Confirmation, target_ms: float) -> tuple[Kind, str]:
    default_ms, tuned_ms = found.default.latency.p95_ms, found.tuned.latency.p95_ms
    times = f"p95 of held-out queries: default {default_ms:.1f} ms, tuned {tuned_ms:.1f} ms of {target_ms:g} ms."
    if found.comparison is None:
        return "default", (
            f"Nothing that was tried chooses better than the default within the target; it stays. "
            f"Its p95 of held-out queries is {default_ms:.1f} ms of {target_ms:g} ms."
        )
    sentence = f"{found.comparison.conclusion} {times}"
    if tuned_ms > target_ms:
        return "over the target", (
            f"The tuned pipeline met {target_ms:g} ms on training queries and misses it on held-out ones; "
            f"ask for a little more, or tune on a quieter machine. {sentence}"
        )
    if default_ms > target_ms:
        return "within the target", f"The default misses the target, the tuned pipeline meets it. {sentence}"
    if found.comparison.outcome == "better":
        return "better", sentence
    return "not better", f"The gain was not confirmed. {sentence}"
