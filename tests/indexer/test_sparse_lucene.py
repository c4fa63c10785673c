"""The Lucene index against Pyserini's own searcher, on real text."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import ir_measures
import numpy as np
import orjson
import pytest
from ir_measures import Qrel, ScoredDoc, nDCG

from tamis.errors import BuildError, DamagedFile
from tamis.indexer.config import SparseConfig
from tamis.indexer.sparse import java_search, jvm, lucene_build
from tamis.indexer.sparse.engine import SparseIndex, build_sparse, choose_engine, open_sparse

pytestmark = pytest.mark.skipif(choose_engine("auto") != "lucene", reason="the extra `lucene` is not installed")
CONFIG = SparseConfig()


def read(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path) as lines:
        for line in lines:
            yield orjson.loads(line)


class SciFact:
    """The collection, with a word index of each engine."""

    def __init__(self, data: Path, folder: Path) -> None:
        corpus = list(read(data / "scifact" / "corpus.jsonl.gz"))
        self.texts = [(record["_id"], f"{record['title']}\n{record['text']}") for record in corpus]
        self.ids = [id_ for id_, _ in self.texts]
        judged = [line.split("\t") for line in (data / "scifact" / "qrels" / "test.tsv").read_text().splitlines()[1:]]
        self.qrels = [Qrel(query, id_, int(score)) for query, id_, score in judged]
        wanted = {qrel.query_id for qrel in self.qrels}
        records = read(data / "scifact" / "queries.jsonl.gz")
        self.queries = {record["_id"]: record["text"] for record in records if record["_id"] in wanted}
        self.folder = folder

    def index(self, engine: str) -> SparseIndex:
        """Open the index of an engine, built at the first call."""
        folder = self.folder / engine
        if not folder.exists():
            build_sparse(engine, lambda: iter(self.texts), len(self.texts), folder, CONFIG, lambda done: None)
        return open_sparse(engine, folder, CONFIG)

    def ndcg(self, engine: str) -> float:
        """Return nDCG@10 over all test queries."""
        index = self.index(engine)
        run = [
            ScoredDoc(query, self.ids[row], float(-place))
            for query, text in self.queries.items()
            for place, row in enumerate(index.search(text, 100)[0].tolist())
        ]
        return float(ir_measures.calc_aggregate([nDCG @ 10], self.qrels, run)[nDCG @ 10])


@pytest.fixture(scope="module")
def scifact(data_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> SciFact:
    return SciFact(data_folder, tmp_path_factory.mktemp("scifact"))


@pytest.mark.data
def test_same_passages_and_scores_as_pyserini(scifact: SciFact) -> None:
    index = scifact.index("lucene")
    with jvm.LOCK:
        searcher = jvm.java("io.anserini.search.SimpleSearcher")(str(scifact.folder / "lucene"))
        searcher.set_bm25(0.9, 0.4)
    for text in list(scifact.queries.values())[:60]:
        rows, scores = index.search(text, 100)
        hits = searcher.search(text, 100)
        assert scores == pytest.approx([hit.score for hit in hits], abs=1e-4)  # Anserini rounds
        # Anserini orders ties by id, so what is tied with the last hit may be another passage
        clear = int(np.sum(scores > scores[-1] + 2e-4))
        assert {scifact.ids[row] for row in rows[:clear].tolist()} <= {hit.docid for hit in hits}
        assert clear > 90


@pytest.mark.data
def test_effectiveness_is_the_published_one_and_bm25s_is_within_a_point(scifact: SciFact) -> None:
    assert len(scifact.queries) == 300
    lucene = scifact.ndcg("lucene")
    assert lucene == pytest.approx(0.679, abs=0.003)
    assert scifact.ndcg("bm25s") == pytest.approx(lucene, abs=0.01)


def test_short_passages_score_alike_in_both_engines(tmp_path: Path) -> None:
    texts = [(f"p{n}", " ".join(f"w{(n * k) % 37}" for k in range(1, 2 + n % 39))) for n in range(400)]
    found = []
    for engine in ("lucene", "bm25s"):
        build_sparse(engine, lambda: texts, len(texts), tmp_path / engine, CONFIG, lambda done: None)
        index = open_sparse(engine, tmp_path / engine, CONFIG)
        found.append([index.search(f"w{n} w{n + 5} w2", 400) for n in range(30)])
    for (rows, scores), (lean_rows, lean_scores) in zip(*found, strict=True):
        assert len(rows) == len(lean_rows)
        order, lean_order = np.argsort(rows), np.argsort(lean_rows)
        assert rows[order].tolist() == lean_rows[lean_order].tolist()
        assert scores[order] == pytest.approx(lean_scores[lean_order], rel=1e-5)


def test_ids_are_the_corpus_own_and_positions_are_stored(tmp_path: Path) -> None:
    folder = tmp_path / "sparse"
    texts = [('a "quoted" id', "cat"), ("id with spaces, and ü 😀", ""), ("id with spaces, and ü 😀 2", "cat dog")]
    build_sparse("lucene", lambda: texts, len(texts), folder, CONFIG, lambda done: None)
    assert np.load(folder / "rows.npy").tolist() == [0, 2]
    with jvm.LOCK:
        readers = jvm.java("io.anserini.index.IndexReaderUtils")
        reader = readers.getReader(str(folder))
        assert [readers.convertLuceneDocidToDocid(reader, n) for n in (0, 1)] == [texts[0][0], texts[2][0]]
        fields = readers.getFieldInfoDescription(reader).toString()
        reader.close()
    assert "contents=(indexOption: DOCS_AND_FREQS_AND_POSITIONS" in fields


def test_passages_keep_their_order_when_segments_merge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed = lucene_build._indexer

    def small_segments(*arguments: Any) -> Any:
        indexer = flushed(*arguments)
        indexer.writer.getConfig().setMaxBufferedDocs(10)  # hundreds of segments, merged many times
        return indexer

    monkeypatch.setattr(lucene_build, "_indexer", small_segments)
    monkeypatch.setattr(lucene_build, "SAMPLES", 5_000)  # all of them
    texts = [(f"p{n}", "same words" if n % 7 else "") for n in range(4_000)]
    build_sparse("lucene", lambda: texts, len(texts), tmp_path / "sparse", CONFIG, lambda done: None)
    index = open_sparse("lucene", tmp_path / "sparse", CONFIG)
    assert index.search("same", 100)[0].tolist() == [n for n in range(200) if n % 7][:100]
    assert len(list((tmp_path / "sparse").glob("*.si"))) == 1


def test_an_index_that_lacks_a_passage_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lucene_build, "BLANK", " ")  # Anserini leaves out more than the builder believes
    with pytest.raises(BuildError, match="holds 1 of 2 passages with text"):
        build_sparse("lucene", lambda: [("a", "\t"), ("b", "x")], 2, tmp_path / "sparse", CONFIG, lambda done: None)


def test_a_thread_that_lets_go_of_java_searches_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(java_search, "FREE_EVERY", 2)
    texts = [(f"p{n}", f"word{n % 5}") for n in range(50)]
    build_sparse("lucene", lambda: texts, len(texts), tmp_path / "sparse", CONFIG, lambda done: None)
    index = open_sparse("lucene", tmp_path / "sparse", CONFIG)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda n: index.search(f"word{n % 5}", 3)[0].tolist(), range(400)))
    assert found == [[n % 5, n % 5 + 5, n % 5 + 10] for n in range(400)]


def test_java_failures_are_build_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "sparse"
    folder.mkdir()
    (folder / "segments_1").write_bytes(b"not Lucene's")
    with pytest.raises(BuildError, match="Lucene could not build the word index") as caught:
        build_sparse("lucene", lambda: [("a", "x")], 1, folder, CONFIG, lambda done: None)
    assert str(folder) in str(caught.value)


def test_interrupted_it_stops_java_and_leaves_nothing_temporary(tmp_path: Path) -> None:
    def interrupt(done: int) -> None:
        raise KeyboardInterrupt

    texts = [(f"p{n}", f"word{n} " * 50) for n in range(20_000)]
    with pytest.raises(KeyboardInterrupt):
        build_sparse("lucene", lambda: texts, len(texts), tmp_path / "sparse", CONFIG, interrupt)
    assert [path.name for path in tmp_path.iterdir()] == ["sparse"]
    build_sparse("lucene", lambda: [("a", "cat")], 1, tmp_path / "sparse", CONFIG, lambda done: None)
    assert open_sparse("lucene", tmp_path / "sparse", CONFIG).search("cat", 5)[0].tolist() == [0]


def test_damaged_files_are_named(tmp_path: Path) -> None:
    folder = tmp_path / "sparse"
    build_sparse("lucene", lambda: [("a", "cat")], 1, folder, CONFIG, lambda done: None)
    next(folder.glob("segments_*")).write_bytes(b"")
    with pytest.raises(DamagedFile, match="Lucene cannot open the word index"):
        open_sparse("lucene", folder, CONFIG)
    (folder / "sparse.json").write_text("{")
    with pytest.raises(DamagedFile, match=r"sparse\.json cannot be read"):
        open_sparse("lucene", folder, CONFIG)
