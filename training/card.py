"""The model card: what a model learned from, how, and how well."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from tamis.models.digest import sha256_file

from .recipe import Running

LIBRARIES = ("sentence-transformers", "torch", "transformers")


def write_card(
    out: Path,
    init: str,
    recipe: Running,
    groups: Mapping[str, int],
    dev: Mapping[str, int],
    reached: float,
    kind: str = "a cross-encoder",
    start: float | None = None,
) -> None:
    """Write `CARD.md` beside the model.

    Args:
        out: folder of the training, with the model in `model`.
        init: what the weights started from.
        recipe: how it was trained.
        groups: training groups by source.
        dev: dev groups by source.
        reached: mean reciprocal rank on the dev groups.
        kind: what it is.
        start: mean reciprocal rank of the weights that it started from, where they could rank.
    """
    weights = out / "model" / "model.safetensors"
    rows = "\n".join(f"| {name} | {count:,} | {recipe.shares.get(name, 1.0):g} |" for name, count in groups.items())
    held_out = ", ".join(f"{name} ({count:,})" for name, count in dev.items())
    values = "\n".join(f"| {name} | {value} |" for name, value in recipe.model_dump().items() if name != "shares")
    before = "" if start is None else f", {start:.4f} before the training"
    made_with = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    (out / "CARD.md").write_text(
        f"""# {out.name}: {kind}

Started from `{init}`; made with {made_with}.
sha256 of model.safetensors: `{sha256_file(weights)}`

## Learned from

| source | groups | share used |
|---|---|---|
{rows}

The licences of these collections bind whoever uses the weights.

## Recipe

| value | |
|---|---|
{values}

## Held out

Mean reciprocal rank {reached:.4f}{before} on groups of {held_out}, averaged over the sources;
the checkpoint was chosen on them.
""",
        encoding="utf-8",
    )
