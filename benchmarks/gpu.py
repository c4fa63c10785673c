"""Reranking on a GPU: pairs a second, p50 for 100 passages, and the share of what the device can do.

    python -m benchmarks.gpu [--models minilm-l6 t5-base] [--pairs 2000] [--rounds 20] [--record]

Needs `tamis[gpu,train]` and a CUDA device; says so where there is none. MiniLM-L6 and T5-base have random weights where
they were not trained to score: only time is measured. Passages are prose of the standard library, 60 words each.
Beside them: sentence-transformers in fp16, at its best batch size, for the cross-encoder. The device's limit is what
torch reaches on one large fp16 product, in the same run. Every pair is also scored alone and in another order: the
promise that a score does not depend on its batch holds on this device only if the last column is 0.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from tamis.errors import MissingPrerequisite
from tamis.models.bench import QUERY, passages
from tamis.models.export_scorer import ScorerKind
from tamis.models.scorer import Scorer

from .harness import Result, alternate, median, record
from .reranker_model import bundle_of, minilm_source, t5_source

HEADER = ("contender", "model", "pairs/s", "p50 ms for 100", "TFLOP/s", "of the device", "alone")
MODELS: dict[str, tuple[Callable[[], Any], ScorerKind]] = {
    "minilm-l6": (minilm_source, "cross-encoder"),
    "t5-base": (t5_source, "monot5"),
}
BATCH_SIZES = (32, 128, 512)
SIDE = 8_192
"""Of the matrices whose product shows the device's limit."""


def main() -> None:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=MODELS)
    parser.add_argument("--pairs", type=int, default=2_000, help="for pairs a second")
    parser.add_argument("--rounds", type=int, default=20, help="for the p50 of 100 passages")
    parser.add_argument("--record", action="store_true", help="write the table to RESULTS.md")
    options = parser.parse_args()
    device, limit = device_limit()
    rows = [row for name in options.models for row in measure(name, options.pairs, options.rounds, limit)]
    for cells in (HEADER, *rows):
        print("".join(f"{cell:<44}" if place == 0 else f"{cell:>17}" for place, cell in enumerate(cells)))
    if options.record:
        remarks = f"{device}; torch reaches {limit / 1e12:.0f} TFLOP/s in fp16 on a product of side {SIDE:,}."
        command = f"python -m benchmarks.gpu --models {' '.join(options.models)} --pairs {options.pairs} --record"
        record(Result("gpu", "Reranking on a GPU", command, HEADER, rows, remarks))


def device_limit() -> tuple[str, float]:
    """Name the device and measure its fp16 FLOP/s on a large product."""
    import torch

    if not torch.cuda.is_available():
        raise MissingPrerequisite("this benchmark needs a CUDA device, and torch finds none")
    left = torch.randn(SIDE, SIDE, device="cuda", dtype=torch.float16)

    def product() -> None:
        for _ in range(10):
            left @ left
        torch.cuda.synchronize()

    seconds = median(alternate({"product": product}, rounds=10, warm_up=2)["product"])
    return torch.cuda.get_device_name(), 10 * 2 * SIDE**3 / seconds


def measure(name: str, count: int, rounds: int, limit: float) -> list[list[str]]:
    """Make a row for each way to score with one model."""
    make, kind = MODELS[name]
    source = make()
    few = passages()
    many = [few[place % len(few)] for place in range(count)]
    bundle = bundle_of(source, kind, "fp16")
    with Scorer.open(bundle, "cuda") as scorer:
        found = scorer.score_pairs([(QUERY, text) for text in few])
        work = flops(source, [float(tokens) for tokens in found.tokens])
        alone = np.array([scorer.score(QUERY, [text])[0] for text in few])
        order = np.random.default_rng(1).permutation(len(few))
        mixed = scorer.score(QUERY, [few[place] for place in order])
        apart = max(np.abs(alone - found.scores).max(), np.abs(mixed - found.scores[order]).max())
        contenders: dict[str, Callable[[list[str]], object]] = {
            f"Tamis, fp16, {scorer.provider.removesuffix('ExecutionProvider')}": partial(scorer.score, QUERY)
        }
        if kind == "cross-encoder":
            contenders |= sentence_transformers(source, few)
        rows = []
        for label, score in contenders.items():
            p50 = median(alternate({"few": partial(score, few)}, rounds, warm_up=3)["few"])
            took = median(alternate({"many": partial(score, many)}, rounds=3)["many"])
            speed = work / len(few) * count / took
            own = f"{apart:.1e}" if label.startswith("Tamis") else ""
            rows.append(
                [
                    label,
                    name,
                    f"{count / took:.0f}",
                    f"{1e3 * p50:.1f}",
                    f"{speed / 1e12:.1f}",
                    f"{speed / limit:.2f}",
                    own,
                ]
            )
    return rows


def sentence_transformers(source: Any, few: list[str]) -> dict[str, Callable[[list[str]], object]]:
    """Give CrossEncoder.predict in fp16 at the batch size that is best for it."""
    import torch
    from sentence_transformers import CrossEncoder

    model = CrossEncoder(str(source), device="cuda", max_length=512, model_kwargs={"dtype": torch.float16})

    def predict(size: int, texts: list[str]) -> object:
        return model.predict([(QUERY, text) for text in texts], batch_size=size, show_progress_bar=False)

    trial = alternate({str(size): partial(predict, size, few * 5) for size in BATCH_SIZES}, rounds=3)
    best = min(BATCH_SIZES, key=lambda size: min(trial[str(size)]))
    return {f"sentence-transformers, fp16, batch size {best}": partial(predict, best)}


def flops(source: Any, lengths: list[float]) -> float:
    """Count the floating point operations of pairs of these lengths, without padding.

    Two for each weight of a layer and token, and 4 d n^2 in each attention over n tokens of d numbers. A T5's decoder
    reads one token, so that of its layers only the keys and values of all the encoder's tokens count.
    """
    import orjson

    config = orjson.loads((source / "config.json").read_bytes())
    if "d_model" in config:
        hidden, inner, layers, cross = config["d_model"], config["d_ff"], config["num_layers"], 2
    else:
        hidden, inner, layers = config["hidden_size"], config["intermediate_size"], config["num_hidden_layers"]
        cross = 0
    weights = layers * (4 * hidden * hidden + 2 * hidden * inner + cross * hidden * hidden)
    return sum(2 * weights * tokens + layers * 4 * hidden * tokens * tokens for tokens in lengths)


if __name__ == "__main__":
    main()
