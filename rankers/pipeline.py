"""The online path: the one object that is evaluated, served and embedded."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, field

from .hits import Degradation
from .ranking import Candidates, Query
from .stages import Fusion, Rescorer, Retriever


@dataclass(frozen=True, slots=True)
class Answer:
    """What the pipeline says to a batch of queries."""

    rankings: list[Candidates]
    """One for each query, in the order of the queries."""
    seconds: dict[str, float]
    """Wall-clock seconds of each step for the whole batch; the retrievers run side by side."""
    degraded: list[Degradation] = field(default_factory=list)


@dataclass(frozen=True)
class Pipeline:
    """Retrievers side by side, then fusion, then blend and rerank where there are such.

    An ablation is `dataclasses.replace(pipeline, rerank=None)`. Depths are the pipeline's own, so
    that an order never depends on how many hits somebody wants to see.
    """

    retrievers: Mapping[str, Retriever]
    depths: Mapping[str, int]
    """Candidates that each step hands on, by the step's name."""
    fusion: Fusion
    pool: Executor
    """Where retrievers run side by side."""
    blend: Rescorer | None = None
    rerank: Rescorer | None = None

    def run(self, queries: Sequence[Query]) -> Answer:
        """Answer a batch of queries; a query alone is a batch of one, with the same answer."""
        clock = _Clock()
        found = self._retrieve(queries, clock)
        with clock.step("fusion"):
            rankings = [
                self.fusion({name: arm[number] for name, arm in found.items()}) for number in range(len(queries))
            ]
        for name, rescorer in (("blend", self.blend), ("rerank", self.rerank)):
            if rescorer is not None:
                with clock.step(name):
                    depth = self.depths[name]
                    rankings = rescorer.rescore(queries, [ranking.top(depth) for ranking in rankings])
        return Answer(rankings, clock.seconds)

    def _retrieve(self, queries: Sequence[Query], clock: _Clock) -> dict[str, list[Candidates]]:
        """Ask all arms; all but the last run in the pool, the last on this thread."""
        *others, last = self.retrievers

        def ask(name: str) -> list[Candidates]:
            with clock.step(name):
                return self.retrievers[name].retrieve(queries, self.depths[name])

        started = {name: self.pool.submit(ask, name) for name in others}
        here = ask(last)
        found = {name: future.result() for name, future in started.items()}
        return {**found, last: here}


class _Clock:
    """Seconds by step; an error inside a step is told which step it was."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        except Exception as error:
            error.add_note(f"in the pipeline's step {name!r}")
            raise
        self.seconds[name] = time.perf_counter() - start
