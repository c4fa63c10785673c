"""How models are shown: a table for people, JSON for programs."""

from __future__ import annotations

from pathlib import Path

from rich.table import Column, Table

from tamis.errors import TamisError
from tamis.models.bench import Speed
from tamis.models.bundle import ModelBundle
from tamis.models.settings import BundleSettings

from .output import print_json, stdout

COLUMNS = ("model", "precision", "kind", "dimension", "tokens", "parity", "MB")
"""What is shown of a model; parity: see `parity_of`."""

SPEEDS = ("model", "precision", "kind", "runs on", "tokens each", "per second", "ms for 100")


def show_bundles(bundles: list[tuple[Path, ModelBundle | TamisError]], as_json: bool) -> None:
    """Write bundles to stdout."""
    if as_json:
        print_json([_bundle(folder, bundle) for folder, bundle in bundles])
        return
    if not bundles:
        return
    table = Table(*(Column(name, no_wrap=True) for name in COLUMNS), "state", box=None)
    for folder, bundle in bundles:
        if isinstance(bundle, TamisError):
            table.add_row(folder.name, *[""] * (len(COLUMNS) - 1), str(bundle))
            continue
        settings = bundle.settings
        size = sum(entry.bytes for entry in settings.files.values())
        dimension = str(settings.dimension) if settings.kind == "encoder" else ""
        table.add_row(
            settings.name, settings.precision, settings.kind, dimension, str(settings.max_length),
            parity_of(settings), f"{size / 1e6:.0f}", "whole",
        )  # fmt: skip
    stdout.print(table)


def parity_of(settings: BundleSettings) -> str:
    """Say how near a model is to its source, and what its precision was found to cost.

    Mean cosine of vectors or mean rank correlation of scores; then the differences that checks found.
    """
    parts = [
        f"{name} {settings.parity[key]:.6f}"
        for key, name in (("cosine_mean", "cosine"), ("spearman", "rho"))
        if key in settings.parity
    ]
    parts += [f"{check.measure} {check.difference:+.4f} ({check.collection})" for check in settings.checks]
    return ", ".join(parts)


def show_speeds(speeds: list[tuple[ModelBundle, Speed]], as_json: bool) -> None:
    """Write what models do a second to stdout."""
    if as_json:
        print_json(
            [
                {"folder": str(bundle.folder), "model": bundle.settings.name, "precision": bundle.settings.precision,
                 "kind": bundle.settings.kind, "provider": speed.provider, "texts": speed.texts,
                 "tokens_each": speed.tokens, "per_second": speed.per_second, "milliseconds": speed.milliseconds}
                for bundle, speed in speeds
            ]
        )  # fmt: skip
        return
    table = Table(*(Column(name, no_wrap=True) for name in SPEEDS), box=None)
    for bundle, speed in speeds:
        settings = bundle.settings
        table.add_row(
            settings.name, settings.precision, settings.kind, speed.provider.removesuffix("ExecutionProvider"),
            f"{speed.tokens:.0f}", f"{speed.per_second:.1f}", f"{speed.milliseconds:.0f}",
        )  # fmt: skip
    stdout.print(table)


def _bundle(folder: Path, bundle: ModelBundle | TamisError) -> dict[str, object]:
    if isinstance(bundle, TamisError):
        return {"folder": str(folder), "error": str(bundle)}
    return {"folder": str(folder), "fingerprint": bundle.fingerprint, **bundle.settings.model_dump(mode="json")}
