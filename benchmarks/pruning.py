"""What an index costs by the share that is pruned: bytes of each part, time to build, time of a query.

    python -m benchmarks.pruning [--share SHARE ...] [--again] [--record]

`pydocs`, 7,516 passages, built anew for each share with the estimator that its certificate was proved for; 300
questions, one at a time, the indexes in turns.
"""

from __future__ import annotations

import argparse
import statistics
import time
from contextlib import ExitStack
from pathlib import Path

from tamis.cli.output import Bars
from tamis.eval.judged import read_judged
from tamis.indexer.build import build
from tamis.indexer.config import IndexConfig
from tamis.indexer.corpus.open import open_corpus
from tamis.indexer.dense import Vectors
from tamis.indexer.manifest import IndexManifest, searched_bytes
from tamis.indexer.published import PublishedIndex
from tamis.rankers.engine import Engine
from tamis.rankers.ranking import Query

from .harness import WORK, Result, record

SHARES = (0.0, 0.05, 0.1, 0.15, 0.25)
PHASES = ("encode", "dense", "sparse", "forward")
PARTS = {"vectors": "vectors.faiss", "words": "sparse/", "forward": "forward/", "texts": "passages.arrow",
         "texts kept aside": "pruned/"}  # fmt: skip
ROUNDS = 2

HEADER = (
    "share", "passages", "tokens to encode, millions", "of the whole", *(f"{part}, MB" for part in PARTS),
    "searched, MB", "of the whole", *(f"{phase}, CPU s" for phase in PHASES), "all, CPU s (wall s)", "of the whole",
    "query p50, ms", "vectors p50, ms", "words p50, ms",
)  # fmt: skip
REMARKS = (
    "Estimator `length`, duplicates `near`, so that a share of 5 % leaves out 5.4 %; nothing at 0 %. Searched: all but "
    "the encoder of queries (90.9 MB, the same for any share) and the pruned texts. CPU seconds are of all threads; "
    "other work on the machine still falls on them (here up to 20 at once), on tokens it does not. Asked: bytes, build "
    "time and query latency fall in proportion. Vectors do; words and forward index go by text, of which the shortest "
    "passages hold little, and so does encoding, which is most of a build: missed. Latency does not fall to be seen: "
    "encoding the query is most of it, and depths stay what they are."
)


def main() -> None:
    """Build, measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true", help="write the table to RESULTS.md")
    parser.add_argument("--share", type=float, action="append", help="beside 0; by default 5, 10, 15 and 25 %%")
    parser.add_argument("--again", action="store_true", help="build again what was built")
    options = parser.parse_args()
    shares = (0.0, *(options.share or SHARES[1:]))
    manifests = {share: _built(share, options.again) for share in shares}
    latencies = _latencies({share: WORK / _name(share) for share in shares})
    tokens = {share: _tokens(WORK / _name(share)) for share in shares}
    rows = []
    for share, manifest in manifests.items():
        read = [f"{tokens[share] / 1e6:.3f}", f"{tokens[share] / tokens[0.0]:.3f}"]
        took = [f"{value:.2f}" for value in latencies[share]]
        rows.append([f"{share:.0%}", f"{manifest.passages:,}", *read, *_costs(manifest, manifests[0.0]), *took])
    for row in rows:
        print(*row, sep="  ", flush=True)
    if options.record:
        title = "Cost of an index by the share pruned: pydocs"
        record(Result("pruning", title, "python -m benchmarks.pruning --record", HEADER, rows, REMARKS))


def _name(share: float) -> str:
    return f"pruning-{share:.0%}"


def _built(share: float, again: bool) -> IndexManifest:
    quality = {"estimator": "length", "prune": share, "duplicates": "near" if share else "keep"}
    config = IndexConfig.model_validate({"quality": quality})
    return build(open_corpus("pydocs", config.corpus), WORK / _name(share), config, Bars(), rebuild=again)


def _latencies(folders: dict[float, Path]) -> dict[float, list[float]]:
    """Return median milliseconds of a whole query, of searching its vector and of searching its words, by share."""
    queries = read_judged("pydocs", "test").queries
    seconds: dict[float, list[list[float]]] = {share: [[], [], []] for share in folders}
    with ExitStack() as stack:
        engines = {share: stack.enter_context(Engine.open(folder)) for share, folder in folders.items()}
        vectors = engines[0.0].index.encoder.encode([query.text for query in queries], "query")
        for number in range(ROUNDS + 1):
            for place, query in enumerate(queries):
                for share, engine in engines.items():
                    found = _timed(engine, query, vectors[place : place + 1])
                    if number:
                        for column, value in zip(seconds[share], found, strict=True):
                            column.append(value)
    return {share: [statistics.median(column) * 1e3 for column in columns] for share, columns in seconds.items()}


def _timed(engine: Engine, query: Query, vector: Vectors) -> list[float]:
    start = time.perf_counter()
    engine.pipeline.run([query])
    whole = time.perf_counter()
    engine.index.dense.search(vector, engine.config.dense_depth)
    dense = time.perf_counter()
    engine.pipeline.retrievers["sparse"].retrieve([query], engine.config.sparse_depth)
    return [whole - start, dense - whole, time.perf_counter() - dense]


def _tokens(folder: Path) -> int:
    """Count what the encoder has to read: the work of encoding, whatever else the machine does."""
    with PublishedIndex.open(folder) as index:
        return index.encoder.count_tokens([text for _, text in index.passages.contents()], "passage")


def _costs(manifest: IndexManifest, whole: IndexManifest) -> list[str]:
    searched = searched_bytes(manifest.files)
    cpu, before = (sum(one.cpu_seconds[phase] for phase in PHASES) for one in (manifest, whole))
    wall = sum(manifest.seconds[phase] for phase in PHASES)
    return [
        *(f"{_bytes(manifest, part) / 1e6:.2f}" for part in PARTS.values()), f"{searched / 1e6:.2f}",
        f"{searched / searched_bytes(whole.files):.3f}", *(f"{manifest.cpu_seconds[phase]:.2f}" for phase in PHASES),
        f"{cpu:.1f} ({wall:.1f})", f"{cpu / before:.3f}",
    ]  # fmt: skip


def _bytes(manifest: IndexManifest, part: str) -> int:
    return sum(entry.bytes for name, entry in manifest.files.items() if name.startswith(part))


if __name__ == "__main__":
    main()
