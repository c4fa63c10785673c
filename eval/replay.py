"""The proof that what was evaluated is what is served: topics over HTTP, byte for byte the offline run."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np

from tamis.errors import InvalidInput, NotFound, TamisError
from tamis.indexer.progress import Report
from tamis.rankers.config import PipelineConfig
from tamis.rankers.engine import Engine
from tamis.rankers.ranking import Query

from .trec import Run, run_lines

CONCURRENCY = (1, 8, 32)


class ReplayFailed(TamisError):
    """What is served differs from what was evaluated, or the service degraded an answer."""

    exit_code = 7


@dataclass(frozen=True, slots=True)
class Served:
    """One index of a running service."""

    url: str
    name: str
    fingerprint: str
    pipeline: PipelineConfig
    max_k: int


def find_served(url: str, fingerprint: str) -> Served:
    """Ask a service which of its indexes is the one with this fingerprint.

    Raises:
        NotFound: nothing answers there, or no index of the service has that fingerprint.
    """
    try:
        info: dict[str, Any] = httpx.get(f"{url.rstrip('/')}/v1/info", timeout=30).raise_for_status().json()
    except (httpx.HTTPError, ValueError) as error:
        raise NotFound(f"{url}/v1/info does not answer ({error}); is `tamis serve` running there?") from None
    for index in info["indexes"]:
        if index["fingerprint"] == fingerprint:
            pipeline = PipelineConfig.model_validate(index["pipeline"])
            return Served(url.rstrip("/"), index["name"], fingerprint, pipeline, info["limits"]["max_k"])
    found = ", ".join(f"{index['name']} {str(index['fingerprint'])[:12]}" for index in info["indexes"])
    raise NotFound(f"{url} does not serve this index ({fingerprint[:12]}); it serves {found}")


def replay(served: Served, queries: Sequence[Query], concurrency: int, report: Report) -> Run:
    """Ask all queries over HTTP, so many at a time, and build the run of the answers.

    Raises:
        ReplayFailed: an answer was refused, came from another version, or was degraded.
    """
    limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
    with (
        httpx.Client(timeout=120, limits=limits) as client,
        ThreadPoolExecutor(concurrency, thread_name_prefix="tamis-replay") as pool,
    ):
        rankings = {}
        answers = pool.map(lambda query: _ask(client, served, query), queries)
        for number, (query, answer) in enumerate(zip(queries, answers, strict=True), start=1):
            scores = np.array([hit["score"] for hit in answer["hits"]], np.float32)
            rankings[query.id] = ([hit["docid"] for hit in answer["hits"]], scores)
            report(number)
    return Run(rankings)


def _ask(client: httpx.Client, served: Served, query: Query) -> dict[str, Any]:
    body = {"query": query.text, "k": served.max_k, "index": served.name, "return_text": False}
    response = client.post(f"{served.url}/v1/search", json=body)
    if response.status_code != 200:
        raise ReplayFailed(f"query {query.id!r} was answered {response.status_code}: {response.text[:300]}")
    answer: dict[str, Any] = response.json()
    if answer["index"]["fingerprint"] != served.fingerprint:
        raise ReplayFailed(f"query {query.id!r} was answered by another index, {answer['index']['fingerprint'][:12]}")
    if answer["degraded"]:
        raise ReplayFailed(f"query {query.id!r} was degraded: {answer['degraded']}; replay without budgets")
    return answer


def offline(engine: Engine, served: Served, queries: Sequence[Query]) -> Run:
    """Run the same queries through the pipeline in this process, as far down as the service answers."""
    if engine.config != served.pipeline:
        raise InvalidInput("the engine's pipeline is not the one that is served; open it with `served.pipeline`")
    rankings = engine.pipeline.run(queries).rankings
    tops = [ranking.top(served.max_k) for ranking in rankings]
    ids = engine.index.passages.ids_of
    return Run({query.id: (ids(top.rows), top.scores) for query, top in zip(queries, tops, strict=True)})


def check_identical(expected: Run, found: Run, concurrency: int) -> int:
    """Compare two runs byte by byte as TREC files; return the number of lines.

    Raises:
        ReplayFailed: they differ; the message shows the first line that does.
    """
    lines = 0
    for lines, (offline_line, served_line) in enumerate(_pairs(expected, found), start=1):
        if offline_line != served_line:
            raise ReplayFailed(
                f"at concurrency {concurrency}, line {lines} differs.\n"
                f"  evaluated: {offline_line.strip()}\n  served:    {served_line.strip()}"
            )
    return lines


def _pairs(expected: Run, found: Run) -> list[tuple[str, str]]:
    offline_lines, served_lines = list(run_lines(expected)), list(run_lines(found))
    longest = max(len(offline_lines), len(served_lines))
    pad = [""] * longest
    return list(zip((offline_lines + pad)[:longest], (served_lines + pad)[:longest], strict=True))
