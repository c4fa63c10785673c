"""Local: an index that is open in this process, as a Searcher."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypedDict, TypeVar

from tamis.errors import InvalidInput, NotFound, OutOfTime
from tamis.indexer.dense import Vectors
from tamis.indexer.passage import Passage
from tamis.models.encoder import TextKind
from tamis.rankers.document_scores import Unscorable, score_documents
from tamis.rankers.engine import Engine
from tamis.rankers.explanation import Explanation
from tamis.rankers.hits import SearchResult
from tamis.rankers.limit import Limit
from tamis.rankers.pair_scorer import PairScorer
from tamis.rankers.passage_order import PassageOrder

from .options import SearchOptions, TextScore
from .searcher import Searcher

R = TypeVar("R")

THREADS = 8
"""Questions of coroutines that are worked on side by side; the others wait."""


@dataclass(frozen=True, slots=True)
class _InThread(Generic[R]):
    """A Task that an event loop hands to a thread."""

    work: Callable[[], R]
    pool: Executor

    def run(self) -> R:
        return self.work()

    async def arun(self) -> R:
        return await asyncio.get_running_loop().run_in_executor(self.pool, self.work)


class Local(Searcher):
    """Searches an open index; `tamis.open` makes one of a path."""

    def __init__(self, engine: Engine, name: str = "") -> None:
        """Ask an engine, which `close` closes too."""
        super().__init__()
        self.engine = engine
        self._name = name or engine.index.manifest.corpus.name
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="tamis-ask")

    @property
    def name(self) -> str:
        """What the index is called: its folder."""
        return self._name

    def describe(self) -> dict[str, object]:
        """Tell what the index is."""
        manifest = self.engine.index.manifest
        return {
            "name": self.name,
            "version": manifest.version,
            "fingerprint": manifest.fingerprint,
            "corpus": manifest.corpus.name,
            "documents": manifest.corpus.documents,
            "passages": manifest.passages,
            "pipelines": list(self.engine.configs),
        }

    def close(self) -> None:
        """Let go of the index, its files and threads."""
        self._pool.shutdown()
        self.engine.close()

    def _task(self, work: Callable[[], R]) -> _InThread[R]:
        self._check_process()
        return _InThread(work, self._pool)

    def _search(self, queries: list[str], k: int, options: SearchOptions) -> _InThread[list[SearchResult]]:
        def work() -> list[SearchResult]:
            found = self.engine.search_many(queries, k, **_arguments(options))
            for result in found:
                _check_required(result, options.get("require", ()))
            return found

        return self._task(work)

    def _fused(self, queries: list[str], k: int, options: SearchOptions) -> _InThread[SearchResult]:
        def work() -> SearchResult:
            result = self.engine.search_fused(queries, k, **_arguments(options))
            _check_required(result, options.get("require", ()))
            return result

        return self._task(work)

    def _rerank(self, query: str, texts: list[str], model: str | None) -> _InThread[list[TextScore]]:
        reader = self._reader(model)

        def work() -> list[TextScore]:
            try:
                found = score_documents(reader, query, texts)
            except Unscorable as error:
                raise InvalidInput(f"texts[{error.place}] cannot be scored by the model") from None
            return [TextScore(place, float(found.scores[place])) for place in found.order]

        return self._task(work)

    def _reader(self, model: str | None) -> PairScorer:
        known = self.engine.readers
        if model is None and len(known) > 1:
            raise InvalidInput(f"several models rerank: pass model=, one of {', '.join(known)}")
        if model is None and known:
            return next(iter(known.values()))
        if model is None or model not in known:
            there = ", ".join(known) or "none; open the index with PipelineConfig(rerank=NAME)"
            raise NotFound(f"no model {model or 'that reranks'!r} is open; there are: {there}")
        return known[model]

    def _embed(self, texts: list[str], kind: TextKind) -> _InThread[Vectors]:
        return self._task(lambda: self.engine.index.encoder.encode(texts, kind))

    def _fetch(self, ids: list[str], before: int, after: int) -> _InThread[list[list[Passage]]]:
        return self._task(lambda: [self.engine.neighbours(id_, before, after) for id_ in ids])

    def _explain(self, query: str, id_: str, pipeline: str | None) -> _InThread[Explanation]:
        return self._task(lambda: self.engine.explain(query, id_, pipeline))


class _Arguments(TypedDict):
    pipeline: str | None
    limit: Limit | None
    filter: Mapping[str, object] | None
    weights: Mapping[str, float] | None
    order: PassageOrder | None


def local_name(path: Path | str) -> str:
    """Name an index after its folder."""
    return Path(path).resolve().name


def _limit(options: SearchOptions) -> Limit | None:
    budget = options.get("budget_ms")
    if budget is None:
        return None
    if not isinstance(budget, int | float) or not budget > 0:
        raise InvalidInput(f"budget_ms must be a number above 0, got {budget!r}")
    return Limit.within(budget / 1000)


def _arguments(options: SearchOptions) -> _Arguments:
    order = PassageOrder(options.get("exclude_ids", ()), options.get("diversity"), options.get("documents"))
    return {
        "pipeline": options.get("pipeline"),
        "limit": _limit(options),
        "filter": options.get("filter"),
        "weights": options.get("weights"),
        "order": order or None,
    }


def _check_required(result: SearchResult, stages: Sequence[str]) -> None:
    for one in result.degraded:
        if one.stage in stages:
            raise OutOfTime(f"stage {one.stage!r} is required and did less: {one.reason}, {one.action}")
