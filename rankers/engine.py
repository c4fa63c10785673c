"""Engine: an open index and its pipeline, asked in texts and answering in passages."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

from tamis.errors import InvalidInput, NotFound
from tamis.indexer.passage import Passage
from tamis.indexer.published import PublishedIndex
from tamis.models.session import Device

from .assemble import assemble, open_reader
from .config import PipelineConfig
from .fusion import STAGE
from .hits import Hit, SearchResult, StageScore
from .pipeline import Answer, Pipeline
from .ranking import Candidates, Query


class Engine:
    """Searches one index. Safe to use from several threads; `with` closes it."""

    def __init__(self, index: PublishedIndex, config: PipelineConfig, device: Device = "cpu") -> None:
        """Put a pipeline over an open index, which `close` closes too; `Engine.open` does both.

        Raises:
            NotFound: there is no bundle of the model that the configuration names.
            DamagedFile: it is there, and is not as it was written.
        """
        self.index = index
        self.config = config
        self._reader = open_reader(config, device)
        self._pool = ThreadPoolExecutor(thread_name_prefix="tamis-retrieve")
        self.pipeline: Pipeline = assemble(index, config, self._pool, self._reader)

    @staticmethod
    def open(
        path: Path | str, config: PipelineConfig | None = None, version: str | None = None, device: Device = "cpu"
    ) -> Engine:
        """Verify and open an index.

        Args:
            path: folder of the index.
            config: the path of a query; None: the defaults.
            version: a published version by name; None: the current one.
            device: where queries are encoded, and passages reranked: `cpu`, `cuda` or `auto`.

        Raises:
            NotFound: no index is there, or no bundle of a model that the configuration names.
            DamagedFile: a file differs from its manifest.
        """
        index = PublishedIndex.open(Path(path), version, device)
        try:
            return Engine(index, config or PipelineConfig(), device)
        except BaseException:
            index.close()
            raise

    def search(self, query: str, k: int = 10) -> SearchResult:
        """Return the best `k` passages for a query, with what each stage said of them.

        Raises:
            InvalidInput: the query is empty or no text, or k is below 1.
        """
        return self.search_many([query], k)[0]

    def search_many(self, queries: Sequence[str], k: int = 10) -> list[SearchResult]:
        """Answer several queries in one batch, each as it would be answered alone."""
        if isinstance(k, bool) or not isinstance(k, int) or k < 1:
            raise InvalidInput(f"k must be a whole number of 1 or more, got {k!r}")
        for number, text in enumerate(queries):
            if not isinstance(text, str) or not text.strip():
                raise InvalidInput(f"query {number} must be a text that is not empty, got {text!r}")
        start = time.perf_counter()
        answer = self.pipeline.run([Query(str(number), text) for number, text in enumerate(queries)])
        took = time.perf_counter() - start
        return [
            self._result(text, ranking.top(k), answer, took)
            for text, ranking in zip(queries, answer.rankings, strict=True)
        ]

    def fetch(self, id_: str) -> Passage:
        """Return a passage by its id.

        Raises:
            NotFound: the index has no such passage.
        """
        row = self.index.ids.row_of(id_)
        if row is None:
            raise NotFound(f"{self.index.manifest.corpus.name} has no passage with id {id_!r}")
        return self.index.passages.take([row])[0]

    def _result(self, text: str, ranking: Candidates, answer: Answer, took: float) -> SearchResult:
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
                stages=self._stages(ranking, place),
            )
            for place, passage in enumerate(passages)
        ]
        timings = {name: seconds * 1000 for name, seconds in answer.seconds.items()}
        return SearchResult(text, hits, took * 1000, timings, answer.degraded)

    def _stages(self, ranking: Candidates, place: int) -> dict[str, StageScore | None]:
        names = [*self.pipeline.retrievers, STAGE, *self.pipeline.rescorers]
        return {name: _stage(ranking, name, place) for name in names}

    def close(self) -> None:
        """Let go of the index, its files and threads."""
        self._pool.shutdown()
        if self._reader is not None:
            self._reader.close()
        self.index.close()

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _stage(ranking: Candidates, name: str, place: int) -> StageScore | None:
    score = float(ranking.features[name][place])
    if math.isnan(score):
        return None
    return StageScore(int(ranking.features[f"{name}_rank"][place]), score)
