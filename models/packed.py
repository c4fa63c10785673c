"""Weights at a quarter of their size: rows of 8-bit numbers, each row with a scale of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tamis.errors import DamagedFile

Tensor = npt.NDArray[Any]

SCALE = ".scale"
"""Ends the name of the tensor that holds a matrix's scales."""

LARGEST = 127


def pack(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Round every matrix to 8 bits a number; vectors (biases, norms) stay as they are.

    Args:
        tensors: float32 by name.

    Returns:
        int8[rows, columns] and, as `NAME.scale`, float32[rows] for each matrix; the others unchanged.
    """
    packed: dict[str, Tensor] = {}
    for name, values in tensors.items():
        if values.ndim != 2:
            packed[name] = values
            continue
        largest = np.abs(values).max(axis=1)
        scale = (np.where(largest > 0, largest, 1) / LARGEST).astype(np.float32)
        packed[name] = np.rint(values / scale[:, None]).astype(np.int8)
        packed[name + SCALE] = scale
    return packed


def unpack(packed: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give back float32 tensors: what `pack` rounded, times its scale.

    Raises:
        DamagedFile: a matrix of 8-bit numbers has no scales, or not one for each row.
    """
    tensors: dict[str, Tensor] = {}
    for name, values in packed.items():
        if name.endswith(SCALE):
            continue
        if values.dtype == np.int8:
            scale = packed.get(name + SCALE)
            if scale is None or scale.shape != values.shape[:1]:
                raise DamagedFile(f"packed weights: {name} has no scale for each of its {len(values)} rows")
            values = values.astype(np.float32) * scale[:, None]
        tensors[name] = values
    return tensors


def pack_file(source: Path, target: Path) -> None:
    """Pack the weights of a safetensors file into another."""
    from safetensors.numpy import load_file, save_file

    save_file(pack(load_file(source)), target)


def unpack_file(source: Path, target: Path) -> None:
    """Unpack the weights of a safetensors file into another that transformers can load."""
    from safetensors.numpy import load_file, save_file

    save_file(unpack(load_file(source)), target, {"format": "pt"})
