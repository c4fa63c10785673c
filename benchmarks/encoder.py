"""Throughput of the encoder beside sentence-transformers, and how far the vectors are apart.

    python -m benchmarks.encoder [CORPUS] [--passages 600] [--threads 2] [--json FILE] [--record]

The same passages and the same threads for all; sentence-transformers (torch, fp32) runs in an environment and a
process of its own, measures itself, and gets the batch size that is best for it here. Contenders take turns; figures
are medians of the rounds, processor time that of the best. On a busy machine compare processor times: torch's threads
wait for each other, Tamis' do not.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tamis.machine import cores
from tamis.models.encoder import Encoder, Vectors
from tamis.models.minilm import NAME, find_minilm
from tamis.models.store import resolve_encoder

from .harness import DATA, Result, Timed, alternate, median, record
from .peers import Peer, Worker

PEER = Peer.of("sentence-transformers", "st_worker.py")
BATCH_SIZES = (2, 4, 8, 16, 32, 64)
WANTED = {"fp32": 1.4, "int8": 3.2}
HEADER = ("contender", "passages/s", "ratio", "CPU ms a passage", "ratio of CPU", "cosine, mean", "cosine, least")


@dataclass(frozen=True, slots=True)
class Row:
    """One contender's figures."""

    contender: str
    passages_per_second: float
    ratio: float
    """Of throughputs, in the middle round of each."""
    cpu_ms: float
    """Processor time a passage, in the best round: what other work on the machine disturbs least."""
    cpu_ratio: float
    cosine_mean: float
    cosine_min: float


def main() -> None:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, nargs="?", default=DATA / "msmarco-mini" / "corpus.jsonl.gz")
    parser.add_argument("--passages", type=int, default=600)
    parser.add_argument("--threads", type=int, default=cores())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--record", action="store_true", help="write the table to RESULTS.md")
    options = parser.parse_args()
    rows = measure(sample(options.corpus, options.passages), options.threads, options.rounds)
    table = [
        [row.contender, f"{row.passages_per_second:.1f}", f"{row.ratio:.2f}", f"{row.cpu_ms:.1f}",
         f"{row.cpu_ratio:.2f}", f"{row.cosine_mean:.6f}", f"{row.cosine_min:.6f}"]
        for row in rows
    ]  # fmt: skip
    for cells in (HEADER, *table):
        print("".join(f"{cell:<44}" if place == 0 else f"{cell:>18}" for place, cell in enumerate(cells)))
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=2))
    if options.record:
        vnni = "has VNNI" if has_vnni() else "has no VNNI, so 8-bit products take three instructions instead of one"
        remarks = (
            f"{options.passages} passages of {options.corpus.parent.name}, {options.threads} threads. Asked: fp32 "
            f"{WANTED['fp32']}x with cosine at least .9999, int8 {WANTED['int8']}x. This CPU {vnni}."
        )
        command = f"python -m benchmarks.encoder --passages {options.passages} --rounds {options.rounds} --record"
        record(Result("encoder", "Encoding passages", command, HEADER, table, remarks))


def sample(corpus: Path, count: int) -> list[str]:
    """Draw passages evenly from a BEIR corpus."""
    with gzip.open(corpus, "rt", encoding="utf-8") as file:
        texts = [json.loads(line)["text"] for line in file]
    return texts[:: max(1, len(texts) // count)][:count]


def measure(texts: list[str], threads: int, rounds: int) -> list[Row]:
    """Time every contender on the same texts."""
    with PEER.start(threads) as peer:
        peer.ask("load", model=str(find_minilm()), threads=threads)
        return _measure(texts, peer, threads, rounds)


def _measure(texts: list[str], peer: Worker, threads: int, rounds: int) -> list[Row]:
    few = texts[:: max(1, len(texts) // 100)][:100]
    sizes = {str(size): partial(peer.time, "encode", texts=few, batch_size=size) for size in BATCH_SIZES}
    trial = alternate(sizes, rounds=3)
    best = min(BATCH_SIZES, key=lambda size: min(trial[str(size)]))
    label = f"sentence-transformers, torch, batch size {best}"
    encoders = {name: Encoder.open(resolve_encoder(NAME, name), threads=threads) for name in ("fp32", "int8")}
    contenders: dict[str, Callable[[], Timed]] = {label: partial(peer.time, "encode", texts=texts, batch_size=best)}
    contenders |= {f"Tamis, {name}": partial(clocked, encoder, texts) for name, encoder in encoders.items()}
    cpu: dict[str, list[float]] = {name: [] for name in contenders}
    seconds = alternate({name: partial(noted, work, cpu[name]) for name, work in contenders.items()}, rounds)
    wanted = unpacked(contenders[label]().value)
    rows = []
    for name, work in contenders.items():
        vectors = wanted if name == label else work().value
        cosines = (vectors * wanted).sum(1)  # unit vectors
        took = median(seconds[name])
        rows.append(
            Row(
                contender=name,
                passages_per_second=len(texts) / took,
                ratio=median(seconds[label]) / took,
                cpu_ms=1e3 * min(cpu[name]) / len(texts),
                cpu_ratio=min(cpu[label]) / min(cpu[name]),
                cosine_mean=float(cosines.mean()),
                cosine_min=float(cosines.min()),
            )
        )
    for encoder in encoders.values():
        encoder.close()
    return rows


def clocked(encoder: Encoder, texts: list[str]) -> Timed:
    """Encode, and measure the time and the processor time that all threads of this process took."""
    start, cpu = time.perf_counter(), time.process_time()
    vectors = encoder.encode(texts, "passage")
    return Timed(time.perf_counter() - start, time.process_time() - cpu, vectors)


def noted(work: Callable[[], Timed], cpu: list[float]) -> Timed:
    """Do the work and note its processor time."""
    done = work()
    cpu.append(done.cpu_seconds)
    return done


def unpacked(packed: dict[str, Any]) -> Vectors:
    """Read the vectors that a worker sent."""
    return np.frombuffer(base64.b64decode(packed["float32"]), "<f4").reshape(packed["shape"])


def has_vnni() -> bool:
    """Tell whether this CPU multiplies and adds 8-bit numbers in one instruction."""
    flags = Path("/proc/cpuinfo")
    return flags.exists() and "vnni" in flags.read_text()


if __name__ == "__main__":
    main()
