"""A pipeline over the queries of a collection, batch by batch; what was finished is kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from tamis.errors import InvalidInput
from tamis.indexer.progress import Report
from tamis.rankers.engine import Engine
from tamis.rankers.ranking import Query

from .cost import Reading, query_tokens, readers
from .journal import Journal
from .outcome import Outcome, Recorder
from .relevant import Qrels
from .trec import Run

BATCH = 32
"""Queries that the pipeline is given at once; a ranking does not depend on it."""

SAMPLE = 100
"""Queries that are asked one by one for their latency, at most."""

NO_QRELS: Qrels = {}


def run_queries(
    engine: Engine, queries: Sequence[Query], partial: Path, key: str, report: Report, qrels: Qrels = NO_QRELS
) -> Outcome:
    """Run the pipeline over all queries; what was finished before is kept in `partial` and not run again.

    Args:
        engine: an open index and its pipeline.
        queries: what to ask.
        partial: file of finished rankings, appended to batch by batch.
        key: fingerprint of everything that decides a ranking; a file with another key is begun anew.
        report: called with the number of queries done.
        qrels: judgments, to say where relevant passages went; the key must cover them too.
    """
    recorder = Recorder(engine.index, qrels)
    pipeline, models = engine.pipeline, readers(engine.pipeline)
    with Journal(partial, key) as journal:
        for batch in batches(queries, [journal], report):
            before = Reading.take(models)
            answer = pipeline.run(batch)
            spent = Reading.take(models).since(before)
            spent = spent.and_tokens(query_tokens(pipeline, engine.index.encoder, batch))
            journal.add(recorder.record(batch, answer, spent))
        return Outcome.of(journal.done, queries)


def batches(queries: Sequence[Query], journals: Sequence[Journal], report: Report) -> Iterator[Sequence[Query]]:
    """Yield the queries that a journal lacks, batch by batch; `report` is told how many are done."""
    waiting = [query for query in queries if any(query.id not in journal.done for journal in journals)]
    done = len(queries) - len(waiting)
    report(done)
    for start in range(0, len(waiting), BATCH):
        batch = waiting[start : start + BATCH]
        yield batch
        done += len(batch)
        report(done)


def check_coverage(run: Run, qrels: dict[str, dict[str, int]]) -> list[str]:
    """Say what is surprising about a run for these judgments.

    Raises:
        InvalidInput: the run answers none of the judged queries, or names none of the judged passages.
    """
    answered = run.rankings.keys() & qrels.keys()
    if not answered:
        raise InvalidInput(
            f"the run answers none of the {len(qrels)} judged queries: is it of another collection? "
            f"Its first query is {next(iter(run.rankings))!r}, the first judged one {next(iter(qrels))!r}"
        )
    judged = {id_ for found in qrels.values() for id_ in found}
    if not any(id_ in judged for query in answered for id_ in run.rankings[query][0]):
        raise InvalidInput("the run names none of the judged passages: is it of another collection?")
    warnings = []
    if missing := len(qrels) - len(answered):
        warnings.append(f"{missing} of {len(qrels)} judged queries are not in the run; each counts 0")
    if unjudged := len(run.rankings) - len(answered):
        warnings.append(f"{unjudged} queries of the run have no judgments; they are left out")
    if run.ties:
        warnings.append(f"{run.ties} neighbours have equal scores; as in trec_eval, ids in descending order decide")
    return warnings
