"""Engine: an open index and its pipeline, asked in texts and answering in passages."""

from __future__ import annotations

import difflib
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from pydantic import ValidationError

from tamis.errors import InvalidInput, NotFound
from tamis.indexer.filters import Filter
from tamis.indexer.passage import Passage
from tamis.indexer.published import PublishedIndex
from tamis.machine import cores
from tamis.models.session import Device

from .assemble import assemble, check_tiers, fusion_of, open_blends, open_readers, reader_key
from .config import DEFAULT_PIPELINE, PipelineConfig
from .explain import stage_scores, with_parts
from .explanation import Explanation, follow
from .fusion import STAGE, ReciprocalRankFusion
from .hits import ColdDecision, Hit, SearchResult
from .limit import Limit
from .pair_scorer import PairScorer
from .passage_order import PassageOrder
from .pipeline import Answer, Pipeline
from .ranking import Candidates, Query
from .selections import Selections
from .tiers import for_any

FUSED_K = 60.0
"""RRF's constant where rankings of several queries become one (Cormack, Clarke and Buettcher, 2009)."""


class Engine:
    """Searches one index. Safe to use from several threads; `with` closes it."""

    def __init__(
        self,
        index: PublishedIndex,
        config: PipelineConfig,
        device: Device = "cpu",
        pipelines: Mapping[str, PipelineConfig] | None = None,
        most_waiting: int | None = None,
        lenient: bool = False,
    ) -> None:
        """Put pipelines over an open index, which `close` closes too; `Engine.open` does both.

        `most_waiting` bounds the tokens that wait to be read by a reranker; None: no bound. If `lenient`, a blend that
        cannot be opened is left out, and every answer says so.

        Raises:
            NotFound: there is no bundle of a model that the configuration names.
            DamagedFile: it is there, and is not as it was written.
            InvalidInput: the blend is of another schema or encoder, or the index has no forward index, or no cold tier
                where a pipeline asks one.
        """
        self.index = index
        self.config = config
        self.configs = {DEFAULT_PIPELINE: config, **(pipelines or {})}
        """Configurations by name, the default one first."""
        for each in self.configs.values():  # before any model is loaded
            check_tiers(index, each)
        self._blends = open_blends(index, self.configs.values(), lenient)
        self._readers = open_readers(self.configs.values(), device, most_waiting)
        self.selections = Selections(index.passages, index.manifest.config.corpus.metadata)
        beside = max(1, cores() - 1)  # arms that can run beside a query's own thread
        self._pool = ThreadPoolExecutor(beside, thread_name_prefix="tamis-retrieve")
        self._late = ThreadPoolExecutor(thread_name_prefix="tamis-rescore")
        self.pipeline: Pipeline = self._assemble(config)
        self._others = {name: self._assemble(other) for name, other in (pipelines or {}).items()}

    @staticmethod
    def open(
        path: Path | str,
        config: PipelineConfig | None = None,
        version: str | None = None,
        device: Device = "cpu",
        pipelines: Mapping[str, PipelineConfig] | None = None,
        most_waiting: int | None = None,
        lenient: bool = False,
    ) -> Engine:
        """Verify and open an index.

        Args:
            path: folder of the index.
            config: the path of a query; None: the defaults.
            version: a published version by name; None: the current one.
            device: where queries are encoded, and passages reranked: `cpu`, `cuda` or `auto`.
            pipelines: other paths by name, over the same open index; two that name one model share it.
            most_waiting: tokens that may wait to be read by a reranker before searches are refused; None: no bound.
            lenient: leave out a blend that cannot be opened, and say so in every answer, as a service does.

        Raises:
            NotFound: no index is there, or no bundle of a model that the configuration names.
            DamagedFile: a file differs from its manifest.
        """
        index = PublishedIndex.open(Path(path), version, device)
        try:
            return Engine(index, config or PipelineConfig(), device, pipelines, most_waiting, lenient)
        except BaseException:
            index.close()
            raise

    def _assemble(self, config: PipelineConfig) -> Pipeline:
        key = reader_key(config)
        reader = self._readers[key] if key else None
        return assemble(self.index, config, self._pool, reader, self._blends.get(config.blend or ""), self._late)

    def named(self, name: str | None = None, weights: Mapping[str, float] | None = None) -> Pipeline:
        """Return a pipeline by its name; None and `default`: the default one.

        Args:
            name: of the pipeline.
            weights: what its arms weigh in the fusion, where that is not as configured.

        Raises:
            NotFound: there is none of this name.
            InvalidInput: the weights are not those of its arms.
        """
        found = self._named(name)
        return found if weights is None else replace(found, fusion=fusion_of(self.index, self.weighed(name, weights)))

    def weighed(self, name: str | None, weights: Mapping[str, float]) -> PipelineConfig:
        """Return the configuration of a pipeline with other weights of its arms.

        Raises:
            InvalidInput: the weights are not those of its arms.
        """
        config = self.configs[name or DEFAULT_PIPELINE]
        try:
            return PipelineConfig.model_validate({**config.model_dump(), "weights": {**config.weights, **weights}})
        except ValidationError as error:
            raise InvalidInput(str(error.errors()[0]["msg"]).removeprefix("Value error, ")) from None

    def _named(self, name: str | None) -> Pipeline:
        if name in (None, DEFAULT_PIPELINE):
            return self.pipeline
        if name in self._others:
            return self._others[name]
        near = difflib.get_close_matches(name[:64], self.configs, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(self.configs)}"
        raise NotFound(f"no pipeline {name[:64]!r}; {hint}")

    @property
    def readers(self) -> dict[str, PairScorer]:
        """The models that rerank, by the name in their bundle."""
        return {reader.scorer.bundle.settings.name: reader for reader in self._readers.values()}

    @property
    def is_alive(self) -> bool:
        """Whether all rerankers still work: False once a thread of one has died."""
        return all(reader.scorer.is_alive for reader in self._readers.values())

    def search(
        self,
        query: str,
        k: int = 10,
        pipeline: str | None = None,
        limit: Limit | None = None,
        filter: Filter | Mapping[str, object] | None = None,  # noqa: A002  # what everybody calls it
        weights: Mapping[str, float] | None = None,
        explain: bool = False,
        order: PassageOrder | None = None,
    ) -> SearchResult:
        """Return the best `k` passages for a query, with what each stage said of them.

        Args:
            query: what to look for.
            k: how many passages; the order does not depend on it.
            pipeline: which of the engine's; None: the default one.
            limit: a deadline; what it leaves no time for is left out, and the result says so.
            filter: a condition on the typed metadata columns that every hit fulfils; see `tamis.indexer.filters`.
            weights: what the arms weigh in the fusion, where that is not as configured.
            explain: say of every hit what each group of features added to the blend's score.
            order: what to change after the last stage.

        Raises:
            InvalidInput: the query is empty or no text, k is below 1, or filter or weights do not fit the index.
            NotFound: there is no pipeline of this name.
            Overloaded: too much waits for a reranker already.
        """
        return self.search_many([query], k, pipeline, limit, filter, weights, explain, order)[0]

    def search_many(
        self,
        queries: Sequence[str],
        k: int = 10,
        pipeline: str | None = None,
        limit: Limit | None = None,
        filter: Filter | Mapping[str, object] | None = None,  # noqa: A002
        weights: Mapping[str, float] | None = None,
        explain: bool = False,
        order: PassageOrder | None = None,
    ) -> list[SearchResult]:
        """Answer several queries in one batch, each as it would be answered alone."""
        path = self.named(pipeline, weights)
        start = time.perf_counter()
        asked = self._asked(queries, k, filter)
        answer = path.run(asked, limit)
        took = time.perf_counter() - start
        names = [*path.retrievers, STAGE, *path.rescorers]
        rankings = [self._ordered(ranking, order).top(k) for ranking in answer.rankings]
        results = [
            self._result(text, rankings[place], _candidates(answer, place), answer, took, names, answer.cold_for(place))
            for place, text in enumerate(queries)
        ]
        if not explain:
            return results
        return [
            with_parts(path, answer, place, asked[place], result, rankings[place].rows)
            for place, result in enumerate(results)
        ]

    def search_fused(
        self,
        queries: Sequence[str],
        k: int = 10,
        pipeline: str | None = None,
        limit: Limit | None = None,
        filter: Filter | Mapping[str, object] | None = None,  # noqa: A002
        weights: Mapping[str, float] | None = None,
        order: PassageOrder | None = None,
    ) -> SearchResult:
        """Answer several queries with one ranking: reciprocal ranks of each one's added up (RAG-Fusion, 2024).

        Stages of the hits are `query_1`, `query_2`, ... and `fused`.
        """
        if not queries:
            raise InvalidInput("there is no query to search for")
        start = time.perf_counter()
        answer = self.named(pipeline, weights).run(self._asked(queries, k, filter), limit)
        took = time.perf_counter() - start
        found = {f"query_{number}": ranking for number, ranking in enumerate(answer.rankings, 1)}
        fusion = ReciprocalRankFusion(self.index.ids.rank, dict.fromkeys(found, 1.0), FUSED_K)
        ranking = self._ordered(fusion(found), order).top(k)
        candidates = {name: len(each) for name, each in found.items()}
        cold = for_any(answer.cold)
        return self._result("\n".join(queries), ranking, candidates, answer, took, [*found, STAGE], cold)

    def explain(self, query: str, id_: str, pipeline: str | None = None) -> Explanation:
        """Follow one passage through all stages, wherever it ends.

        Raises:
            NotFound: the index has no such passage, or there is no pipeline of this name.
        """
        row, path = self.row_of(id_), self.named(pipeline)
        found = follow(path.run(self._asked([query])), query, id_, row, len(path.retrievers))
        return found if self.index.cold is None else replace(found, tier=self.index.cold.tier_of(row))

    def _ordered(self, ranking: Candidates, order: PassageOrder | None) -> Candidates:
        return order.apply(ranking, self.index) if order else ranking

    def _asked(
        self,
        queries: Sequence[str],
        k: int = 1,
        filter: Filter | Mapping[str, object] | None = None,  # noqa: A002
    ) -> list[Query]:
        if isinstance(k, bool) or not isinstance(k, int) or k < 1:
            raise InvalidInput(f"k must be a whole number of 1 or more, got {k!r}")
        for number, text in enumerate(queries):
            if not isinstance(text, str) or not text.strip():
                raise InvalidInput(f"query {number} must be a text that is not empty, got {text!r}")
        allowed = None if filter is None else self.selections.of(filter)
        return [Query(str(number), text, allowed) for number, text in enumerate(queries)]

    def fetch(self, id_: str) -> Passage:
        """Return a passage by its id.

        Raises:
            NotFound: the index has no such passage.
        """
        return self.index.passages.take([self.row_of(id_)])[0]

    def row_of(self, id_: str) -> int:
        """Return the number of a passage within the index by its id.

        Raises:
            NotFound: the index has no such passage.
        """
        row = self.index.ids.row_of(id_) if isinstance(id_, str) else None
        if row is None:
            raise NotFound(f"{self.index.manifest.corpus.name} has no passage with id {id_!r}")
        return row

    def neighbours(self, id_: str, before: int = 1, after: int = 1) -> list[Passage]:
        """Return a passage with those of its document that stand before and after it, in the document's order.

        Raises:
            NotFound: the index has no such passage.
            InvalidInput: a number is below 0.
        """
        if before < 0 or after < 0:
            raise InvalidInput(f"before and after must be 0 or more, got {before} and {after}")
        row = self.row_of(id_)
        rows = range(max(0, row - before), min(len(self.index.passages), row + after + 1))
        found = self.index.passages.take(list(rows))
        here = found[row - rows.start].document_id
        return [passage for passage in found if passage.document_id == here]

    def _result(
        self,
        text: str,
        ranking: Candidates,
        candidates: dict[str, int],
        answer: Answer,
        took: float,
        stages: Sequence[str],
        cold: ColdDecision | None,
    ) -> SearchResult:
        passages = self.index.passages.take(ranking.rows)
        hits = [
            Hit(
                id=passage.id,
                rank=place + 1,
                score=float(ranking.scores[place]),
                title=passage.title,
                text=passage.text,
                document_id=passage.document_id,
                metadata=passage.metadata,
                stages=said,
            )
            for place, (passage, said) in enumerate(zip(passages, stage_scores(ranking, stages), strict=True))
        ]
        timings = {name: seconds * 1000 for name, seconds in answer.seconds.items()}
        return SearchResult(text, hits, took * 1000, timings, answer.degraded, candidates, cold)

    def close(self) -> None:
        """Let go of the index, its files and threads."""
        self._pool.shutdown()
        self._late.shutdown()
        for reader in self._readers.values():
            reader.close()
        self.index.close()

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _candidates(answer: Answer, query: int) -> dict[str, int]:
    return {name: len(rankings[query]) for name, rankings in answer.stages.items()}
