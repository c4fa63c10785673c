"""Latency of the word index beside Pyserini's own searcher and bare Lucene, and its nDCG@10.

    python -m benchmarks.sparse [--queries 300] [--json FILE] [--record]

One thread, k = 1000, msmarco-mini's 50,285 passages, asked in turns: every query goes to each contender before the
next one does, so that the machine's moods fall on all alike. All search the same Lucene index, but for bm25s. Pyserini
runs in an environment and a process of its own, on the same Java, and measures itself.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import ir_measures
import orjson
from ir_measures import Qrel, ScoredDoc, nDCG

from tamis.indexer.config import SparseConfig
from tamis.indexer.sparse import jvm
from tamis.indexer.sparse.engine import SparseIndex, build_sparse, open_sparse
from tamis.indexer.sparse.lucene import analyzer_for

from .harness import DATA, WORK, Result, alternate, median, percentile, record
from .peers import Peer

CONFIG = SparseConfig()
DEPTH = 1_000
QUERIES = 300
ROUNDS = 3
"""The first two warm up: Java compiles what runs often."""

TARGET = 0.40
PEER = Peer.of("pyserini", "pyserini_worker.py")
PYSERINI = "Pyserini's LuceneSearcher, docid and score read"
COMMAND = "python -m benchmarks.sparse --record"


def main() -> None:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queries", type=int, default=QUERIES)
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--record", action="store_true", help="write the table to RESULTS.md")
    options = parser.parse_args()
    seconds = latencies(options.queries)
    pyserini = median(seconds[PYSERINI])
    rows = [
        [name, f"{1e3 * median(took):.2f}", f"{1e3 * percentile(took, 0.95):.2f}", f"{median(took) / pyserini:.3f}"]
        for name, took in seconds.items()
    ]
    header = ("contender", "median ms", "p95 ms", "of Pyserini")
    quality = {engine: effectiveness(engine) for engine in ("lucene", "bm25s")}
    for row in (header, *rows):
        print("".join(f"{cell:<50}" if place == 0 else f"{cell:>18}" for place, cell in enumerate(row)))
    ratio = median(seconds["Tamis, lucene"]) / pyserini
    remarks = (
        f"Asked: Tamis with Lucene at most {TARGET:.2f} of Pyserini's searcher; reached {ratio:.3f}. SciFact test "
        f"nDCG@10: lucene {quality['lucene']:.4f} (asked .679 ± .003), bm25s {quality['bm25s']:.4f} (asked within .01 "
        "of it)."
    )
    print(remarks)
    if options.json:
        figures = {name: {"median_ms": row[1], "p95_ms": row[2]} for name, row in zip(seconds, rows, strict=True)}
        options.json.write_text(json.dumps({"latency": figures, "ratio": ratio, "ndcg@10": quality}, indent=2))
    if options.record:
        record(Result("sparse", "Word index at depth 1000", COMMAND, header, rows, remarks))


def latencies(count: int) -> dict[str, list[float]]:
    """Time every contender on every query: seconds by name."""
    collection = DATA / "msmarco-mini"
    texts = [text for _, text in queries(collection)][:count]
    lucene, lean = index("lucene", collection), index("bm25s", collection)
    folder = WORK / "sparse-msmarco-mini-lucene"
    with PEER.start(threads=1) as peer:
        java = os.environ.get("TAMIS_JAVA_HOME")
        peer.ask("load", index=str(folder), k1=CONFIG.k1, b=CONFIG.b, java=java)
        contenders: dict[str, Callable[[str], object]] = {
            PYSERINI: lambda text: peer.time("search", text=text, depth=DEPTH),
            "Lucene alone, no hit read": bare_lucene(folder),
            "Tamis, lucene": lambda text: lucene.search(text, DEPTH),
            "Tamis, bm25s": lambda text: lean.search(text, DEPTH),
        }
        seconds: dict[str, list[float]] = {name: [] for name in contenders}
        for number in range(ROUNDS):
            for text in texts:
                works = {name: partial(search, text) for name, search in contenders.items()}
                for name, took in alternate(works, rounds=1, warm_up=0).items():
                    if number == ROUNDS - 1:
                        seconds[name] += took
    return seconds


def bare_lucene(folder: Path) -> Callable[[str], object]:
    """Analyse and search, and leave the hits in Java: what no transfer can beat."""
    path = jvm.java("java.io.File")(str(folder)).toPath()
    directory = jvm.java("org.apache.lucene.store.FSDirectory").open(path)
    reader = jvm.java("org.apache.lucene.index.DirectoryReader").open(directory)
    searcher = jvm.java("org.apache.lucene.search.IndexSearcher")(reader.getContext())
    searcher.setSimilarity(jvm.java("org.apache.lucene.search.similarities.BM25Similarity")(CONFIG.k1, CONFIG.b))
    generator = jvm.java("io.anserini.search.query.BagOfWordsQueryGenerator")()
    english: Any = analyzer_for("en")
    return lambda text: searcher.search(generator.buildQuery("contents", english, text), DEPTH)


def index(engine: str, collection: Path) -> SparseIndex:
    """Open the word index of a collection, built first where it is not there."""
    folder = WORK / f"sparse-{collection.name}-{engine}"
    if not (folder / "sparse.json").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        count = sum(1 for _ in passages(collection))
        build_sparse(engine, lambda: passages(collection), count, folder, CONFIG, lambda done: None)
    return open_sparse(engine, folder, CONFIG)


def effectiveness(engine: str) -> float:
    """Return nDCG@10 on SciFact's test split, at depth 100."""
    collection = DATA / "scifact"
    lines = (collection / "qrels" / "test.tsv").read_text().splitlines()[1:]
    qrels = [Qrel(query, id_, int(score)) for query, id_, score in (line.split("\t") for line in lines)]
    judged = {qrel.query_id for qrel in qrels}
    ids = [id_ for id_, _ in passages(collection)]
    opened = index(engine, collection)
    run = [
        ScoredDoc(query, ids[row], float(-place))
        for query, text in queries(collection)
        if query in judged
        for place, row in enumerate(opened.search(text, 100)[0].tolist())
    ]
    return float(ir_measures.calc_aggregate([nDCG @ 10], qrels, run)[nDCG @ 10])


def passages(collection: Path) -> Iterator[tuple[str, str]]:
    """Stream id and contents (title, newline, text) of a collection."""
    with gzip.open(collection / "corpus.jsonl.gz") as lines:
        for line in lines:
            found = orjson.loads(line)
            yield found["_id"], f"{found['title']}\n{found['text']}" if found.get("title") else found["text"]


def queries(collection: Path) -> Iterator[tuple[str, str]]:
    """Stream id and text of a collection's queries."""
    with gzip.open(collection / "queries.jsonl.gz") as lines:
        for line in lines:
            found = orjson.loads(line)
            yield found["_id"], found["text"]


if __name__ == "__main__":
    main()
