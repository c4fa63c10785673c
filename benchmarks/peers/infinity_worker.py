"""infinity-emb as its users embed it: an engine, asked to rerank."""

from __future__ import annotations

import asyncio
import os

os.environ["INFINITY_ANONYMOUS_USAGE_STATS"] = "0"  # it would send them

import torch
from infinity_emb import AsyncEmbeddingEngine, EngineArgs
from serving import serve

LOOP = asyncio.new_event_loop()
ENGINES: dict[str, AsyncEmbeddingEngine] = {}


def load(model: str, threads: int, engine: str, batch_size: int) -> None:
    """Open a model's folder and start the engine."""
    torch.set_num_threads(threads)
    arguments = EngineArgs(
        model_name_or_path=model, engine=engine, device="cpu", dtype="float32", batch_size=batch_size,
        trust_remote_code=False, model_warmup=False, bettertransformer=False,
    )  # fmt: skip
    ENGINES["one"] = AsyncEmbeddingEngine.from_args(arguments)
    LOOP.run_until_complete(ENGINES["one"].astart())


def predict(query: str, texts: list[str]) -> list[float]:
    """Return a score for each text."""
    found, _ = LOOP.run_until_complete(ENGINES["one"].rerank(query=query, docs=texts, raw_scores=True))
    scores = {result.index: result.relevance_score for result in found}
    return [float(scores[place]) for place in range(len(texts))]


if __name__ == "__main__":
    serve({"load": load, "predict": predict})
