"""Size of the forward index, and time of all features of 200 and of 1,000 candidates.

    python -m benchmarks.features [--record]

MS MARCO passages; candidates are what the first stage finds (words and vectors, fused), so every query has its own.
One thread, warm; queries in turns, after a first round. Beside the time by the clock stands the processor's own: on a
busy machine the clock counts others' work too.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

from tamis.eval.judged import read_judged
from tamis.indexer.config import CorpusConfig
from tamis.indexer.corpus.open import open_corpus
from tamis.indexer.forward.build import build_forward
from tamis.indexer.forward.forward import ForwardIndex
from tamis.indexer.forward.layout import TOKENIZER, TRANSLATIONS, ForwardSettings
from tamis.indexer.forward.train_translation import train_translations
from tamis.indexer.passage import Document, Passage
from tamis.indexer.published import ENCODER
from tamis.rankers.config import PipelineConfig
from tamis.rankers.engine import Engine
from tamis.rankers.features.extract import FeatureExtractor
from tamis.rankers.features.schema import SCHEMA
from tamis.rankers.ranking import Candidates, Query

from .corpora import msmarco_index
from .harness import DATA, WORK, Result, median, percentile, record

COMMAND = "python -m benchmarks.features --record"
DEPTHS = (200, 1_000)
QUERIES = 300
TARGET_MS = 2.0
PAIRS = 12_000
"""Train pairs for the translations."""

FIRST = """
import sys, time
from pathlib import Path
start = time.perf_counter()
from tamis.indexer.forward.forward import ForwardIndex
from tamis.rankers.features.extract import FeatureExtractor
extractor = FeatureExtractor(ForwardIndex.open(Path(sys.argv[1])))
loaded = time.perf_counter()
extractor.warm_up()
print(loaded - start, time.perf_counter() - loaded)
"""


def main() -> None:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true", help="write the table to RESULTS.md")
    options = parser.parse_args()
    index = msmarco_index()
    tokenizer = index / "current" / ENCODER / "tokenizer.json"
    folder, asked = prepared(index, tokenizer)
    extractor = FeatureExtractor(ForwardIndex.open(folder))
    extractor.warm_up()
    rows, medians = [], {}
    for depth in DEPTHS:
        wall, cpu = timed(extractor, asked, depth)
        medians[depth] = 1e3 * median(wall)
        for name, took in (("clock", wall), ("processor", cpu)):
            rows.append(
                [
                    f"{depth} candidates, {name}",
                    f"{1e3 * median(took):.2f} ms",
                    f"{1e3 * percentile(took, 0.95):.2f} ms",
                ]
            )
    compile_, load = first_calls(folder)
    rows.append(["first call, nothing compiled", f"{compile_:.1f} s", ""])
    rows.append(["first call of a process, compiled before", f"{load:.1f} s", ""])
    rows.append(
        [
            "forward index, msmarco-mini's first 10,000",
            f"{size_of('msmarco-mini', 10_000, tokenizer):.0f} B a passage",
            "",
        ]
    )
    rows.append(["forward index, all of scifact", f"{size_of('scifact', None, tokenizer):.0f} B a passage", ""])
    for row in rows:
        print(*row)
    remarks = (
        f"All {len(SCHEMA)} features ({sum(each.classic for each in SCHEMA)} classic ones), with translations. Asked: "
        f"200 candidates in at most {TARGET_MS} ms, median, one thread; reached {medians[200]:.2f} ms."
    )
    if options.record:
        header = ("what", "median", "p95")
        record(Result("features", "Features of candidates", COMMAND, header, rows, remarks))


def prepared(index: Path, tokenizer: Path) -> tuple[Path, list[tuple[Query, Candidates]]]:
    """Build the forward index of msmarco-mini with translations, and find the candidates of its queries."""
    folder = WORK / "forward-msmarco-mini"
    dev, train = (read_judged(str(DATA / "msmarco-mini"), split) for split in ("dev", "train"))
    config = PipelineConfig(sparse_depth=DEPTHS[-1], dense_depth=DEPTHS[-1])
    with Engine.open(index, config) as engine:
        if not (folder / TRANSLATIONS).is_dir():
            shutil.rmtree(folder, ignore_errors=True)
            build_forward(engine.index.passages, ForwardSettings("en", tokenizer), folder, lambda done: None)
            row_of = engine.index.ids.row_of
            texts = {query.id: query.text for query in train.queries}
            relevant = (
                (texts[id_], row_of(passage)) for id_ in texts for passage, n in train.qrels[id_].items() if n > 0
            )
            pairs = islice(((text, row) for text, row in relevant if row is not None), PAIRS)
            train_translations(pairs, ForwardIndex.open(folder), folder, lambda done: None)
        return folder, [(query, engine.pipeline.run([query]).rankings[0]) for query in dev.queries[:QUERIES]]


def timed(
    extractor: FeatureExtractor, asked: list[tuple[Query, Candidates]], depth: int
) -> tuple[list[float], list[float]]:
    """Extract for every query in turn, after a round to warm up: seconds by the clock, and of the processor."""
    wall, cpu = [], []
    for number in range(3):
        for query, candidates in asked:
            given = candidates.top(depth)
            start, busy = time.perf_counter(), time.thread_time()
            extractor.extract(query.text, given)
            if number:
                wall.append(time.perf_counter() - start)
                cpu.append(time.thread_time() - busy)
    return wall, cpu


def first_calls(folder: Path) -> tuple[float, float]:
    """Take the seconds of a first call in a new process, without and with kept machine code."""
    seconds = []
    with tempfile.TemporaryDirectory() as cache:
        for _ in range(2):
            environment = os.environ | {"NUMBA_CACHE_DIR": cache}
            command = [sys.executable, "-c", FIRST, str(folder)]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
            seconds.append(float(done.stdout.split()[1]))
    return seconds[0], seconds[1]


def size_of(collection: str, count: int | None, tokenizer: Path) -> float:
    """Build the forward index of a collection's first passages: bytes a passage, without the tokenizer."""
    records = islice(open_corpus(str(DATA / collection), CorpusConfig()).records(), count)
    passages = [Passage(each.id, each.id, each.title, each.text) for each in records if isinstance(each, Document)]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "forward"
        build_forward(passages, ForwardSettings("en", tokenizer), folder, lambda done: None)
        files = [path for path in folder.rglob("*") if path.is_file() and path.name != TOKENIZER]
        return sum(path.stat().st_size for path in files) / len(passages)


if __name__ == "__main__":
    main()
