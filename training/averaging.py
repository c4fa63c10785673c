"""The average of a training's last checkpoints, which often generalises better than any of them."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import cast

import torch
from safetensors.torch import load_file
from sentence_transformers import CrossEncoder


def average_checkpoints(folder: Path, count: int, model: CrossEncoder) -> CrossEncoder | None:
    """Return a copy of `model` with the mean weights of the last `count` checkpoints (Izmailov et al. 2018).

    Returns None where there are fewer than two.
    """
    mean = mean_weights(folder, count)
    if mean is None:
        return None
    averaged = copy.deepcopy(model)
    weights = cast(torch.nn.Module, averaged[0].model)
    weights.load_state_dict(mean)
    return averaged


def mean_weights(folder: Path, count: int) -> dict[str, torch.Tensor] | None:
    """Return the mean weights of the last `count` checkpoints; None where there are fewer than two."""
    found = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))[-count:]
    if len(found) < 2:
        return None
    states = [load_file(path / "model.safetensors") for path in found]
    return {
        name: torch.stack([state[name].float() for state in states]).mean(dim=0).to(states[0][name].dtype)
        for name in states[0]
    }
