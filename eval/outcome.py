"""Outcome: what a system answered to all queries of a collection, and what is kept of each answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tamis.indexer.published import PublishedIndex
from tamis.rankers.pipeline import Answer
from tamis.rankers.ranking import Query

from .cost import Cost, Reading, mean_cost, passages_scored
from .ids import PassageIds
from .journal import Finished
from .relevant import Places, Qrels, RelevantRows
from .trec import Run


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a system answered to all queries."""

    run: Run
    places: Mapping[str, Places] = field(default_factory=dict)
    """Where relevant passages went, by query."""
    cost: Mapping[str, float] = field(default_factory=dict)
    """Means per query: see `mean_cost`."""

    @staticmethod
    def of(done: Mapping[str, Finished], queries: Sequence[Query]) -> Outcome:
        """Put together what a journal holds, in the order of the queries."""
        found = {query.id: done[query.id] for query in queries}
        return Outcome(
            Run({query: (one.ids, one.scores) for query, one in found.items()}),
            {query: one.places for query, one in found.items()},
            mean_cost(one.cost for one in found.values()),
        )


class Recorder:
    """Turns answers in rows of an index into what is kept of them."""

    def __init__(self, index: PublishedIndex, qrels: Qrels) -> None:
        """Find the judged passages in the index."""
        self.ids = PassageIds(index.passages)
        judged = {id_ for grades in qrels.values() for id_ in grades}
        self._relevant = RelevantRows(qrels, self.ids.rows_of(judged))

    def record(self, queries: Sequence[Query], answer: Answer, spent: Reading) -> list[tuple[str, Finished]]:
        """Name the passages of a batch; `spent` is what the whole batch cost."""
        share = 1 / max(1, len(queries))
        tokens = None if spent.tokens is None else spent.tokens * share
        named = self.ids.of([ranking.rows for ranking in answer.rankings])
        found = []
        for number, (query, ids) in enumerate(zip(queries, named, strict=True)):
            stages = {stage: rankings[number].rows for stage, rankings in answer.stages.items()}
            cost = Cost(passages_scored(answer, number), tokens, spent.cpu_seconds * share)
            places = self._relevant.places(query.id, stages)
            found.append((query.id, Finished(ids, answer.rankings[number].scores, places, cost)))
        return found
