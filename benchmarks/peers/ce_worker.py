"""Sentence-transformers' CrossEncoder as its users run it: `predict`, on torch or on ONNX Runtime."""

from __future__ import annotations

import numpy as np
import torch
from sentence_transformers import CrossEncoder
from serving import serve

MODELS: dict[str, CrossEncoder] = {}


def load(model: str, threads: int, backend: str, device: str = "cpu", half: bool = False) -> None:
    """Open a model's folder; the ONNX backend exports it first."""
    torch.set_num_threads(threads)
    options: dict[str, object] = {"export": True} if backend == "onnx" else {}
    if half:
        options["dtype"] = torch.float16
    MODELS["one"] = CrossEncoder(
        model, device=device, local_files_only=True, backend=backend, model_kwargs=options, max_length=512
    )


def predict(query: str, texts: list[str], batch_size: int) -> list[float]:
    """Return a score for each text."""
    scores = MODELS["one"].predict(
        [(query, text) for text in texts], batch_size=batch_size, show_progress_bar=False,
        activation_fn=torch.nn.Identity(),
    )  # fmt: skip
    return [float(score) for score in np.asarray(scores)]


if __name__ == "__main__":
    serve({"load": load, "predict": predict})
