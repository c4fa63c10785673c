"""A judged collection over the small corpus, and a pipeline with every stage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import orjson
import pytest

from tamis.eval import ablate, evaluation, latency
from tamis.eval.judged import Judged, read_judged
from tamis.indexer.published import PublishedIndex
from tamis.rankers.cosine import CosineScorer
from tamis.rankers.engine import Engine
from tamis.rankers.pipeline import Pipeline
from tamis.rankers.ranking import Candidates, Query, canonical
from tamis.rankers.stages import Rescored


@pytest.fixture(scope="session")
def tiny_collection(tiny_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BEIR folder: each 7th passage's first words are a query, which that passage answers best, the next a little."""
    folder = tmp_path_factory.mktemp("judged") / "tiny"
    (folder / "qrels").mkdir(parents=True)
    (folder / "corpus.jsonl").write_bytes(tiny_corpus.read_bytes())
    records = [orjson.loads(line) for line in tiny_corpus.read_bytes().splitlines()]
    queries, qrels = [], ["query-id\tcorpus-id\tscore"]
    for number in range(0, len(records) - 1, 7):
        words = " ".join(records[number]["text"].split()[3:9]) or records[number]["title"]
        queries.append({"_id": f"q{number}", "text": words})
        best, next_best, other = (records[(number + step) % len(records)]["_id"] for step in (0, 1, 2))
        qrels += [f"q{number}\t{best}\t2", f"q{number}\t{next_best}\t1", f"q{number}\t{other}\t0"]
    (folder / "queries.jsonl").write_bytes(b"\n".join(orjson.dumps(query) for query in queries))
    (folder / "qrels" / "test.tsv").write_text("\n".join(qrels) + "\n")
    return folder


@pytest.fixture(scope="session")
def tiny_judged(tiny_collection: Path) -> Judged:
    """The same, read."""
    return read_judged(str(tiny_collection), "test")


@dataclass
class WordsFirst:
    """A blend: the score of words decides, else the fused order is turned round; asks are counted."""

    id_rank: np.ndarray
    calls: int = 0

    def rescore(self, queries: Sequence[Query], candidates: Sequence[Candidates], /) -> Rescored:
        """Rescore a batch."""
        self.calls += 1
        return Rescored([self._one(found) for found in candidates])

    def _one(self, found: Candidates) -> Candidates:
        words = found.features.get("sparse", -found.features["fused"])
        scores = np.nan_to_num(words).astype(np.float32)
        order = canonical(found.rows, scores, self.id_rank)
        return replace(found, scores=scores).take(order).with_stage("blend")


@dataclass
class Cosine:
    """A reranker: an encoder reads query and passage; asks are counted."""

    index: PublishedIndex
    scorer: CosineScorer
    calls: int = 0

    @property
    def tokens_read(self) -> int:
        """What the encoder read so far."""
        return self.scorer.tokens_read

    def rescore(self, queries: Sequence[Query], candidates: Sequence[Candidates], /) -> Rescored:
        """Rescore a batch."""
        self.calls += 1
        return Rescored([self._one(query, found) for query, found in zip(queries, candidates, strict=True)])

    def _one(self, query: Query, found: Candidates) -> Candidates:
        texts = [passage.contents for passage in self.index.passages.take(found.rows)]
        scores = self.scorer.score(query.text, texts)
        order = canonical(found.rows, scores, self.index.ids.rank)
        return replace(found, scores=scores).take(order).with_stage("rerank")


@pytest.fixture(scope="session")
def whole_engine(tiny_index: Path) -> Iterator[Engine]:
    """The small index, open, with a pipeline that has every stage."""
    with Engine.open(tiny_index) as engine:
        index = engine.index
        engine.pipeline = replace(
            engine.pipeline,
            blend=WordsFirst(index.ids.rank),
            rerank=Cosine(index, CosineScorer(index.encoder).remembering()),
            depths={**engine.pipeline.depths, "blend": 40, "rerank": 5},
            models={**engine.pipeline.models, "blend": "of words", "rerank": index.encoder.bundle.fingerprint},
        )
        yield engine


@pytest.fixture(scope="module")
def few_timed() -> Iterator[None]:
    """Latencies are taken of three queries: they are no matter here."""

    def few(pipelines: Mapping[str, Pipeline], queries: Sequence[Query]) -> dict[str, dict[str, np.ndarray]]:
        return latency.latencies(pipelines, queries[:3])

    with pytest.MonkeyPatch.context() as patch:
        for module in (ablate, evaluation):
            patch.setattr(module, "latencies", few)
        yield
