"""Throughput of the reranker beside its peers: 100 MS MARCO passages for one query, MiniLM-L6.

    python -m benchmarks.reranker [--passages 100] [--threads 2] [--rounds 7] [--without PEER] [--record]

Peers run in environments of their own and measure themselves; each gets the batch size that is best for it here.
"plain" is ONNX Runtime on all threads over padded batches, on the very weights of Tamis' bundle: once as FlashRank does
it, all passages in one batch, and once in the batches that are best here, of passages of like length.
Contenders take turns; figures are medians of the rounds, processor time that of the best round. "alone" is the
largest change of a pair's score when it is scored alone instead of among the others.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

import numpy as np
import onnxruntime
from scipy.stats import spearmanr

from tamis.models.bundle import ModelBundle
from tamis.models.layout import Pair
from tamis.models.scorer import Scorer

from .harness import Result, Timed, alternate, median, record
from .peers import Peer
from .reranker_model import QUERY, bundle_of, minilm_source, msmarco_passages

BATCH_SIZES = (4, 8, 16, 32, 100)
PEERS = {
    "sentence-transformers": ("sentence-transformers, torch", "ce_worker.py", {"backend": "torch"}),
    "st-onnx": ("sentence-transformers, ONNX", "ce_worker.py", {"backend": "onnx"}),
    "infinity": ("infinity-emb, torch", "infinity_worker.py", {"engine": "torch", "batch_size": 32}),
}
"""By the name of the environment: label, worker, and how it is loaded."""

HEADER = ("contender", "precision", "pairs/s", "ms", "of the first", "CPU ms a pair", "rho to first", "alone")
WANTED = (
    "Asked of int8: 3x torch, 2x sentence-transformers' ONNX backend and infinity-emb, 1.1x plain int8 in one batch."
)

Score = Callable[[list[str]], Timed]


@dataclass(slots=True)
class Contender:
    """One way to score, at the batch size that is best for it."""

    label: str
    precision: str
    score: Score


def main() -> None:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passages", type=int, default=100)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--without", action="append", default=[], choices=PEERS, help="leave a peer out")
    parser.add_argument("--record", action="store_true", help="write the table to RESULTS.md")
    options = parser.parse_args()
    texts = msmarco_passages(options.passages)
    peers = [name for name in PEERS if name not in options.without]
    rows = measure(texts, options.threads, options.rounds, peers)
    for cells in (HEADER, *rows):
        print("".join(f"{cell:<46}" if place == 0 else f"{cell:>15}" for place, cell in enumerate(cells)))
    if options.record:
        remarks = f"{len(texts)} passages of MS MARCO with one query, {options.threads} threads. {WANTED}"
        command = f"python -m benchmarks.reranker --threads {options.threads} --rounds {options.rounds} --record"
        record(Result("reranker", "Reranking", command, HEADER, rows, remarks))


def measure(texts: list[str], threads: int, rounds: int, peers: list[str]) -> list[list[str]]:
    """Time every contender on the same texts, and make a row of each."""
    with ExitStack() as stack:
        contenders = [stack.enter_context(_peer(name, threads, texts)) for name in peers]
        for precision in ("fp32", "int8"):
            bundle = bundle_of(minilm_source(), "cross-encoder", precision)
            scorer = stack.enter_context(Scorer.open(bundle, threads=threads))
            batched = plain(bundle, scorer, threads)
            one_batch = partial(batched, len(texts))
            contenders.append(Contender(f"plain ONNX, {precision}, one batch (FlashRank)", precision, one_batch))
            contenders.append(_best(f"plain ONNX, {precision}", precision, batched, texts))
            contenders.append(Contender("Tamis", precision, partial(_own, scorer)))
        spent: dict[int, list[float]] = {number: [] for number in range(len(contenders))}
        works = {str(number): partial(_noted, one.score, texts, spent[number]) for number, one in enumerate(contenders)}
        seconds = alternate(works, rounds)
        reference = np.array(contenders[0].score(texts).value)
        first = median(seconds["0"])
        return [
            _row(one, texts, median(seconds[str(number)]), first, min(spent[number]), reference)
            for number, one in enumerate(contenders)
        ]


def _row(one: Contender, texts: list[str], took: float, first: float, cpu: float, reference: np.ndarray) -> list[str]:
    together = np.array(one.score(texts).value)
    some = range(0, len(texts), max(1, len(texts) // 10))
    alone = max(abs(float(one.score([texts[place]]).value[0]) - float(together[place])) for place in some)
    return [
        one.label, one.precision, f"{len(texts) / took:.1f}", f"{1e3 * took:.0f}", f"{first / took:.2f}",
        f"{1e3 * cpu / len(texts):.2f}", f"{spearmanr(together, reference).statistic:.4f}", f"{alone:.1e}",
    ]  # fmt: skip


@contextmanager
def _peer(name: str, threads: int, texts: list[str]) -> Iterator[Contender]:
    """Start a peer and find its best batch size."""
    label, script, options = PEERS[name]
    with Peer.of(name, script).start(threads) as worker:
        worker.ask("load", model=str(minilm_source()), threads=threads, **options)
        if "batch_size" in options:  # its engine makes its own batches
            yield Contender(label, "fp32", lambda some: worker.time("predict", query=QUERY, texts=some))
            return
        yield _best(
            label, "fp32", lambda size, some: worker.time("predict", query=QUERY, texts=some, batch_size=size), texts
        )


def _best(label: str, precision: str, score: Callable[[int, list[str]], Timed], texts: list[str]) -> Contender:
    trial = alternate({str(size): partial(score, size, texts) for size in BATCH_SIZES}, rounds=3)
    best = min(BATCH_SIZES, key=lambda size: min(trial[str(size)]))
    return Contender(f"{label}, batch size {best}", precision, partial(score, best))


def plain(bundle: ModelBundle, scorer: Scorer, threads: int) -> Callable[[int, list[str]], Timed]:
    """Give ONNX Runtime as it is mostly used: one run at a time on all threads, batches padded to their longest."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(bundle.model), options, providers=["CPUExecutionProvider"])

    def score(size: int, texts: list[str]) -> Timed:
        start, cpu = time.perf_counter(), time.process_time()
        pairs = [scorer.joined(QUERY, text) for text in texts]
        order = sorted(range(len(pairs)), key=lambda place: len(pairs[place]))
        found = np.empty(len(pairs), np.float32)
        for begin in range(0, len(order), size):
            places = order[begin : begin + size]
            found[places] = session.run(None, padded([pairs[place] for place in places]))[0]
        return Timed(time.perf_counter() - start, time.process_time() - cpu, found.tolist())

    return score


def padded(pairs: list[Pair]) -> dict[str, np.ndarray]:
    """Pad pairs to the longest: int64[pairs, longest] by name."""
    shape = (len(pairs), max(len(pair) for pair in pairs))
    feed = {name: np.zeros(shape, np.int64) for name in ("input_ids", "attention_mask", "token_type_ids")}
    for row, pair in enumerate(pairs):
        feed["input_ids"][row, : len(pair)] = pair.ids
        feed["token_type_ids"][row, : len(pair)] = pair.types
        feed["attention_mask"][row, : len(pair)] = 1
    return feed


def _own(scorer: Scorer, texts: list[str]) -> Timed:
    start, cpu = time.perf_counter(), time.process_time()
    found = scorer.score(QUERY, texts)
    return Timed(time.perf_counter() - start, time.process_time() - cpu, found.tolist())


def _noted(score: Score, texts: list[str], cpu: list[float]) -> Timed:
    done = score(texts)
    cpu.append(done.cpu_seconds)
    return done


if __name__ == "__main__":
    main()
