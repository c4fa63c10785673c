"""A pipeline over the queries of a collection: the run, and what each step took."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import orjson

from tamis.errors import InvalidInput
from tamis.indexer.progress import Report
from tamis.rankers.engine import Engine
from tamis.rankers.ranking import Candidates, Query

from .trec import Run

BATCH = 32
"""Queries that the pipeline is given at once; a ranking does not depend on it."""

SAMPLE = 100
"""Queries that are asked one by one for their latency."""

Rankings = dict[str, tuple[list[str], npt.NDArray[np.float32]]]


def run_queries(engine: Engine, queries: Sequence[Query], partial: Path, key: str, report: Report) -> Run:
    """Run the pipeline over all queries; what was finished before is kept in `partial` and not run again.

    Args:
        engine: an open index and its pipeline.
        queries: what to ask.
        partial: file of finished rankings, appended to batch by batch.
        key: fingerprint of everything that decides a ranking; a file with another key is begun anew.
        report: called with the number of queries done.
    """
    done = dict(_resume(partial, key))
    open_queries = [query for query in queries if query.id not in done]
    report(len(done))
    with partial.open("ab") as file:
        if not done:
            file.truncate(0)
            file.write(orjson.dumps({"key": key}, option=orjson.OPT_APPEND_NEWLINE))
        for start in range(0, len(open_queries), BATCH):
            batch = open_queries[start : start + BATCH]
            for query, ranking in zip(batch, engine.pipeline.run(batch).rankings, strict=True):
                done[query.id] = _named(engine, ranking)
                file.write(_line(query.id, done[query.id]))
            file.flush()
            report(len(done))
    return Run({query.id: done[query.id] for query in queries})


def latencies(engine: Engine, queries: Sequence[Query]) -> dict[str, npt.NDArray[np.float64]]:
    """Ask some queries one by one; return milliseconds by step and in `total`: float64[queries] each."""
    rows = []
    for query in queries[:SAMPLE]:
        start = time.perf_counter()
        seconds = engine.pipeline.run([query]).seconds
        rows.append({**seconds, "total": time.perf_counter() - start})
    return {step: np.array([row[step] for row in rows]) * 1e3 for step in rows[0]}


def _named(engine: Engine, ranking: Candidates) -> tuple[list[str], npt.NDArray[np.float32]]:
    return engine.index.passages.ids_of(ranking.rows), ranking.scores


def _line(query: str, ranking: tuple[list[str], npt.NDArray[np.float32]]) -> bytes:
    ids, scores = ranking
    return orjson.dumps([query, ids, scores], option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE)


def _resume(partial: Path, key: str) -> Iterator[tuple[str, tuple[list[str], npt.NDArray[np.float32]]]]:
    """Read what an interrupted evaluation had finished; a line that was cut off is left out."""
    if not partial.is_file():
        return
    with partial.open("rb") as file:
        try:
            if orjson.loads(file.readline()) != {"key": key}:
                return
            for line in file:
                query, ids, scores = orjson.loads(line)
                yield query, (ids, np.array(scores, np.float32))
        except orjson.JSONDecodeError:
            return


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
