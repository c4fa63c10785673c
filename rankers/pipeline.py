"""The online path: the one object that is evaluated, served and embedded."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TypeVar

from .fusion import STAGE
from .hits import ColdDecision, Degradation
from .limit import Limit
from .ranking import Candidates, Query
from .stages import Fusion, Rescored, Rescorer, Retriever, Stoppable
from .tiers import ColdSearch, Started

Found = Mapping[str, list[Candidates]]
"""What each retriever found, by its name: one list for each query."""

T = TypeVar("T")

COLD = "cold"
"""Name of the step that decides whether to ask the cold tier, and asks it."""

OUT_OF_TIME = "out of time"
GRACE_SECONDS = 0.005
"""How long after a deadline a rescorer is waited for: the candidate that it reads, and the sorting of what it read."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the pipeline says to a batch of queries."""

    rankings: list[Candidates]
    """One for each query, in the order of the queries."""
    seconds: dict[str, float]
    """Wall-clock seconds of each step for the whole batch; the retrievers run side by side."""
    degraded: list[Degradation] = field(default_factory=list)
    stages: dict[str, list[Candidates]] = field(default_factory=dict)
    """Rankings after each stage, in the order of the stages: the retrievers', `fused`, then the rescorers'."""
    cold: list[ColdDecision] = field(default_factory=list)
    """For each query whether the cold tier was asked; empty: the pipeline never asks one."""

    def cold_for(self, place: int) -> ColdDecision | None:
        """Say of a query of the batch whether the cold tier was asked; None: the pipeline never asks one."""
        return self.cold[place] if self.cold else None


@dataclass(frozen=True, slots=True)
class Retrieved:
    """What the first stage found for a batch of queries."""

    found: Found
    seconds: dict[str, float]
    cold: list[ColdDecision] = field(default_factory=list)


@dataclass(frozen=True)
class Pipeline:
    """Retrievers side by side, then fusion, then blend and rerank where there are such.

    An ablation is `without(pipeline, ["rerank"])`. Depths are the pipeline's own, so that an order
    never depends on how many hits somebody wants to see.
    """

    retrievers: Mapping[str, Retriever]
    depths: Mapping[str, int]
    """Candidates that a retriever finds, and that a later step is given, by the step's name; that one: or all."""
    fusion: Fusion
    pool: Executor
    """Where retrievers run side by side."""
    blend: Rescorer | None = None
    rerank: Rescorer | None = None
    late: Executor | None = None
    """Where rescorers run that must be done by a deadline; None: on the caller's thread."""
    cold: ColdSearch | None = None
    """Goes on to a cold tier; None: there is none, or it is never asked."""
    models: Mapping[str, str] = field(default_factory=dict)
    """Fingerprints of the models, by the name of the step that runs them."""

    @property
    def rescorers(self) -> dict[str, Rescorer]:
        """The steps after the fusion by name, in order; a slot that is empty is left out."""
        slots = {"blend": self.blend, "rerank": self.rerank}
        return {name: rescorer for name, rescorer in slots.items() if rescorer is not None}

    def run(self, queries: Sequence[Query], limit: Limit | None = None) -> Answer:
        """Answer a batch of queries; a query alone is a batch of one, with the same answer.

        With a limit, a rescorer that runs out of time reads fewer candidates, or none; the answer says so.
        """
        first = self.retrieve(queries)
        answer = self.finish(queries, first.found, first.seconds, limit)
        return replace(answer, cold=first.cold) if first.cold else answer

    def retrieve(self, queries: Sequence[Query]) -> Retrieved:
        """Ask all retrievers, and a cold tier where there is one and the hot one is unsure."""
        clock = _Clock({})
        if self.cold is not None:
            return self._from_tiers(self.cold, queries, clock)

        def ask(name: str) -> list[Candidates]:
            with clock.step(name):
                return self.retrievers[name].retrieve(queries, self.depths[name])

        return Retrieved(self._side_by_side(ask), clock.seconds)

    def _from_tiers(self, cold: ColdSearch, queries: Sequence[Query], clock: _Clock) -> Retrieved:
        def start(name: str) -> Started:
            with clock.step(name):
                return cold.arms[name].start(queries, self.depths[name])

        started = self._side_by_side(start)
        found = {name: hot for name, (hot, _) in started.items()}
        with clock.step(COLD):
            told = cold.gate.decide(found.get("dense"), len(queries))
            places = [place for place, one in enumerate(told) if one.asked]
            more = self._side_by_side(lambda name: started[name][1](places)) if places else {}
            for name, lists in more.items():
                for place, candidates in zip(places, lists, strict=True):
                    found[name][place] = cold.join(found[name][place], candidates, self.depths[name])
        return Retrieved(found, clock.seconds, told)

    def _side_by_side(self, ask: Callable[[str], T]) -> dict[str, T]:
        """Ask all arms by their names: all but the last in the pool, the last on this thread.

        One that no thread of the pool has begun meanwhile is asked here too: where many queries come at once, all cores
        are at work, and waiting for another thread would only cost.
        """
        *others, last = self.retrievers
        started = {name: self.pool.submit(ask, name) for name in others}
        here = ask(last)
        found = {name: ask(name) if future.cancel() else future.result() for name, future in started.items()}
        return {**found, last: here}

    def finish(
        self,
        queries: Sequence[Query],
        found: Found,
        seconds: Mapping[str, float] | None = None,
        limit: Limit | None = None,
    ) -> Answer:
        """Fuse what the retrievers found, then rescore it: what `run` does after `retrieve`.

        Args:
            queries: what was asked.
            found: candidates by retriever.
            seconds: what finding them took; they go into the answer.
            limit: what the rescorers keep to.
        """
        answer = self.fuse(found, seconds)
        for step in self.rescorers:
            answer = self.rescore(step, queries, answer, limit)
        return answer

    def fuse(self, found: Found, seconds: Mapping[str, float] | None = None) -> Answer:
        """Make one ranking of each query out of what the retrievers found."""
        clock = _Clock(dict(seconds or {}))
        with clock.step("fusion"):
            each = zip(*found.values(), strict=True)
            rankings = [self.fusion(dict(zip(found, lists, strict=True))) for lists in each]
        return Answer(rankings, clock.seconds, stages={**found, STAGE: rankings})

    def rescore(self, step: str, queries: Sequence[Query], answer: Answer, limit: Limit | None = None) -> Answer:
        """Do one of the steps after the fusion, named as in `rescorers`; without time it is left out."""
        if limit is not None and limit.over():
            return _without(step, answer, "left out; the order before it stands")
        clock = _Clock(dict(answer.seconds))
        with clock.step(step):
            depth = self.depths.get(step)
            given = [ranking if depth is None else ranking.top(depth) for ranking in answer.rankings]
            found = self._rescored(self.rescorers[step], queries, given, limit)
        if found is None:
            return _without(step, replace(answer, seconds=clock.seconds), "given up; the order before it stands")
        return Answer(
            rankings=found.rankings,
            seconds=clock.seconds,
            degraded=[*answer.degraded, *found.degraded],
            stages={**answer.stages, step: found.rankings},
        )

    def _rescored(
        self, rescorer: Rescorer, queries: Sequence[Query], given: list[Candidates], limit: Limit | None
    ) -> Rescored | None:
        """Let a rescorer work within the limit; None: it did not come to an end in time."""
        if limit is None:
            return rescorer.rescore(queries, given)
        if limit.deadline is None or self.late is None:
            return _within(rescorer, queries, given, limit)
        # On a thread of its own: even a model that hangs cannot take the answer's time.
        working: Future[Rescored] = self.late.submit(_within, rescorer, queries, given, limit)
        try:
            return working.result(limit.deadline + GRACE_SECONDS - time.perf_counter())
        except TimeoutError:
            if working.done():  # the rescorer's own
                raise
            working.cancel()
            return None


def _within(rescorer: Rescorer, queries: Sequence[Query], given: list[Candidates], limit: Limit) -> Rescored:
    if isinstance(rescorer, Stoppable):
        return rescorer.rescore(queries, given, limit.stop())
    return rescorer.rescore(queries, given)


def _without(step: str, answer: Answer, action: str) -> Answer:
    """Return the answer as it stands without a step, and say so."""
    return replace(answer, degraded=[*answer.degraded, Degradation(step, OUT_OF_TIME, action)])


class _Clock:
    """Seconds by step; an error inside a step is told which step it was."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self.seconds = seconds

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        except Exception as error:
            error.add_note(f"in the pipeline's step {name!r}")
            raise
        self.seconds[name] = time.perf_counter() - start
