"""Peak memory of a build at two sizes of the same corpus.

    python -m benchmarks.memory [--record]

Each build runs in a process of its own, whose peak resident set the operating system reports.
"""

from __future__ import annotations

import argparse
import gzip
import resource
import shutil
import subprocess
import sys
from pathlib import Path

from tamis.indexer.manifest import IndexManifest

from .harness import DATA, WORK, Result, record

SIZES = (22_000, 45_000)


def main() -> None:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true", help="write the table to RESULTS.md")
    parser.add_argument("--build", nargs=2, metavar=("CORPUS", "OUT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.build:
        _build(*options.build)
        return
    peaks, sizes = zip(*(measure(count) for count in SIZES), strict=True)
    growth, index_growth = peaks[1] - peaks[0], sizes[1] - sizes[0]
    beyond = (growth - index_growth) / peaks[0]
    rows = [[f"{n:,}", f"{peak:,.0f}", f"{size:,.0f}"] for n, peak, size in zip(SIZES, peaks, sizes, strict=True)]
    remarks = (
        f"The peak grew by {growth:,.0f} MB, the vector index itself by {index_growth:,.0f} MB. Asked: less than 15 % "
        f"beyond what the finished index takes; it is {100 * beyond:.1f} % of the smaller build's peak."
    )
    for row in rows:
        print(*row)
    print(remarks)
    if options.record:
        header = ("passages", "peak resident MB", "vectors.faiss MB")
        record(Result("memory", "Memory of a build", "python -m benchmarks.memory --record", header, rows, remarks))


def measure(count: int) -> tuple[float, float]:
    """Build the first `count` passages of msmarco-mini; return peak MB and the vector index' MB."""
    corpus, out = WORK / f"memory-{count}.jsonl", WORK / f"memory-{count}"
    WORK.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(out, ignore_errors=True)
    with gzip.open(DATA / "msmarco-mini" / "corpus.jsonl.gz") as source, corpus.open("wb") as target:
        target.writelines(line for line, _ in zip(source, range(count), strict=False))
    command = [sys.executable, "-m", "benchmarks.memory", "--build", str(corpus), str(out)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    vectors = IndexManifest.read(out / "current").files["vectors.faiss"].bytes
    return float(done.stdout.split()[-1]) / 1024, vectors / 2**20


def _build(corpus: str, out: str) -> None:
    from tamis.indexer.build import build
    from tamis.indexer.config import IndexConfig
    from tamis.indexer.corpus.open import open_corpus

    config = IndexConfig.model_validate({"encoder": {"precision": "fast"}, "corpus": {"format": "beir"}})
    build(open_corpus(corpus, config.corpus), Path(out), config)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


if __name__ == "__main__":
    main()
