"""SharedBatch: several variants of one pipeline answer a batch, and each step that they share is done once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial, reduce
from typing import TypeVar

from tamis.models.encoder import Encoder
from tamis.rankers.hits import ColdDecision
from tamis.rankers.pipeline import Answer, Found, Pipeline
from tamis.rankers.ranking import Candidates, Query

from .cost import Reading, query_tokens, reads_text

T = TypeVar("T")


class SharedBatch:
    """One batch of queries. Variants must come from one pipeline, by `without`.

    Retrievers are asked one after the other, so that each one's CPU seconds are known.
    """

    def __init__(self, encoder: Encoder, queries: Sequence[Query]) -> None:
        """Start a batch.

        Args:
            encoder: that of the index, to count the tokens of the queries.
            queries: the batch.
        """
        self._encoder = encoder
        self._queries = queries
        self._found: dict[str, tuple[list[Candidates], Reading]] = {}
        self._both: dict[tuple[str, ...], tuple[Found, Reading]] = {}
        self._told: dict[tuple[str, ...], list[ColdDecision]] = {}
        self._answers: dict[tuple[str, ...], tuple[Answer, Reading]] = {}

    def answer(self, pipeline: Pipeline) -> tuple[Answer, Reading]:
        """Return what `pipeline.run` would return, and what all its steps cost, shared or not."""
        arms = tuple(pipeline.retrievers)
        lists, retrieving = self._retrieve(arms, pipeline)
        answer, spent = self._step(arms, lambda: pipeline.fuse(lists), [])
        spent = spent.plus(retrieving)
        done = arms
        for step, rescorer in pipeline.rescorers.items():
            done = (*done, step)
            models = [rescorer] if reads_text(step, rescorer) else []
            answer, cost = self._step(done, partial(pipeline.rescore, step, self._queries, answer), models)
            spent = spent.plus(cost)
        told = self._told.get(arms)
        return replace(answer, cold=told) if told else answer, spent

    def _retrieve(self, arms: tuple[str, ...], pipeline: Pipeline) -> tuple[Found, Reading]:
        if pipeline.cold is None:
            found = {arm: self._ask(arm, pipeline) for arm in arms}
            lists = {arm: candidates for arm, (candidates, _) in found.items()}
            return lists, reduce(Reading.plus, (cost for _, cost in found.values()))
        if arms not in self._both:  # what one arm finds hangs on the others: they decide whether the cold tier is asked
            first, spent = _metered(lambda: pipeline.retrieve(self._queries), [])
            self._told[arms] = first.cold
            self._both[arms] = first.found, spent.and_tokens(query_tokens(pipeline, self._encoder, self._queries))
        return self._both[arms]

    def _ask(self, arm: str, pipeline: Pipeline) -> tuple[list[Candidates], Reading]:
        if arm not in self._found:
            alone = replace(pipeline, retrievers={arm: pipeline.retrievers[arm]})
            first, spent = _metered(lambda: alone.retrieve(self._queries), [])
            tokens = query_tokens(alone, self._encoder, self._queries)
            self._found[arm] = first.found[arm], spent.and_tokens(tokens)
        return self._found[arm]

    def _step(
        self, done: tuple[str, ...], work: Callable[[], Answer], models: Sequence[object]
    ) -> tuple[Answer, Reading]:
        """Do a step unless the same stages have been gone through; `done` names them, this one last."""
        if done not in self._answers:
            self._answers[done] = _metered(work, models)
        return self._answers[done]


def _metered(work: Callable[[], T], models: Sequence[object]) -> tuple[T, Reading]:
    before = Reading.take(models)
    result = work()
    return result, Reading.take(models).since(before)
