"""Sentence-transformers as its users run it: `encode`, on torch."""

from __future__ import annotations

import base64

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from serving import serve

MODELS: dict[str, SentenceTransformer] = {}


def load(model: str, threads: int) -> None:
    """Open a model's folder."""
    torch.set_num_threads(threads)
    MODELS["one"] = SentenceTransformer(model, device="cpu", local_files_only=True)


def encode(texts: list[str], batch_size: int) -> np.ndarray:
    """Return float32[texts, dimension]."""
    return np.asarray(MODELS["one"].encode(texts, batch_size=batch_size, show_progress_bar=False))


def packed(vectors: np.ndarray) -> dict[str, object]:
    """Make text of an array."""
    return {"shape": vectors.shape, "float32": base64.b64encode(vectors.astype("<f4").tobytes()).decode()}


if __name__ == "__main__":
    serve({"load": load, "encode": encode}, {"encode": packed})
