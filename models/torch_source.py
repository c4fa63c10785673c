"""What every torch model on its way to ONNX needs: safe loading, its tokenizer and weights, and the graph as a file."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
import transformers
from huggingface_hub import metadata_load
from safetensors import SafetensorError

from tamis.errors import InvalidInput

from .digest import sha256_file, sha256_json

OPSET = 23
"""First operator set with Attention as one operator: one fast kernel, where older ones have ten nodes."""

LOADING: dict[str, Any] = {"use_safetensors": True, "attn_implementation": "sdpa", "dtype": torch.float32}
"""Weights as pickle are never read: reading one may run any code."""

CANNOT_LOAD = (OSError, ValueError, KeyError, IndexError, TypeError, ImportError, RuntimeError, SafetensorError)
"""What loading a broken model raises."""

MAX_BYTES = 2_000_000_000
"""Protobuf's limit, and so that of a graph with its weights inside."""


def licence_of(folder: Path) -> str | None:
    """Give the licence that a model card names."""
    card = folder / "README.md"
    metadata = metadata_load(card) if card.is_file() else None
    licence = (metadata or {}).get("license")
    return licence if isinstance(licence, str) else None


def weights_hash(folder: Path) -> str:
    """Give the sha256 of the weights' file; of several, that of their names and hashes."""
    hashes = {path.name: sha256_file(path) for path in sorted(folder.glob("*.safetensors"))}
    return next(iter(hashes.values())) if len(hashes) == 1 else sha256_json(hashes)


def save_tokenizer(tokenizer: Any, path: Path) -> None:
    """Write a transformers tokenizer for the `tokenizers` library, with neither padding nor truncation set."""
    backend = tokenizer.backend_tokenizer
    kept = backend.truncation, backend.padding
    backend.no_truncation()
    backend.no_padding()
    backend.save(str(path), pretty=False)
    if kept[0]:
        backend.enable_truncation(**kept[0])
    if kept[1]:
        backend.enable_padding(**kept[1])


def save_graph(module: torch.nn.Module, inputs: Sequence[str], output: str, source: Path, path: Path) -> None:
    """Write a module as an ONNX graph for any batch and any length, weights inside.

    Args:
        module: takes int64[batch, sequence] for each input, gives one tensor.
        inputs: names of the inputs, in the order of the module's arguments.
        output: name of the output.
        source: where the weights came from, for messages.
        path: file to write.

    Raises:
        InvalidInput: the weights are too large for one file.
    """
    size = sum(weight.numel() * weight.element_size() for weight in module.parameters())
    if size > MAX_BYTES:
        raise InvalidInput(f"{source} has {size:,} bytes of weights, expected at most {MAX_BYTES:,}")
    ids = torch.full((2, 7), 5, dtype=torch.int64)  # shapes stand for any: torch takes 0 and 1 as constants
    values = {"attention_mask": torch.ones_like(ids), "token_type_ids": torch.zeros_like(ids)}
    any_shape = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    with quiet(), torch.no_grad():
        program = torch.onnx.export(
            module.eval(),
            tuple(values.get(name, ids) for name in inputs),
            dynamo=True,
            opset_version=OPSET,
            input_names=list(inputs),
            output_names=[output],
            dynamic_shapes=(any_shape,) * len(inputs),
            verbose=False,
        )
    if program is None:
        raise RuntimeError("torch.onnx.export returned no program")
    program.save(str(path), external_data=False)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep torch's and transformers' notes and progress bars, which no user can act on, off the terminal."""
    loggers = [
        logging.getLogger(name) for name in ("torch.onnx", "torch.export", "transformers", "sentence_transformers")
    ]
    levels = [logger.level for logger in loggers]
    progress = cast(Any, transformers.utils.logging)  # its functions are not typed
    bars = progress.is_progress_bar_enabled()
    progress.disable_progress_bar()
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        if bars:
            progress.enable_progress_bar()
