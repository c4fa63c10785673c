"""`tamis model`: export models to bundles, list them, check them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.table import Column, Table

from tamis.errors import DamagedFile, TamisError
from tamis.models.bundle import ModelBundle
from tamis.models.minilm import NAME as DEFAULT_ENCODER
from tamis.models.minilm import export_minilm
from tamis.models.publish import locked
from tamis.models.store import list_bundles, store_folder, stored_path

from .options import AsJson
from .output import print_json, say, stdout

COLUMNS = ("model", "precision", "kind", "dimension", "tokens", "cosine", "MB")
"""What is shown of a model; cosine is the mean to its source's vectors."""

app = typer.Typer(help="Export models to bundles, list them, check them.", no_args_is_help=True)


@app.command()
def export(
    source: Annotated[str, typer.Argument(help="Folder of a sentence-transformers model, its name on the Hugging Face "
                                          f"hub, or {DEFAULT_ENCODER} for the installed default.")],
    kind: Annotated[Literal["encoder"], typer.Option(help="What the model does.")] = "encoder",
    name: Annotated[str | None, typer.Option(help="What to call it; by default the last part of SOURCE.")] = None,
    precision: Annotated[Literal["fp32", "int8"], typer.Option(help="fp32 is exact; int8 is faster on a CPU, at a "
                                                               "measured loss.")] = "fp32",
    out: Annotated[Path | None, typer.Option(help="Folder to make; by default NAME.PRECISION in the store.")] = None,
    revision: Annotated[str | None, typer.Option(help="Commit or tag on the hub.")] = None,
    query_prefix: Annotated[str | None, typer.Option(help="Text put before queries; by default the model's own "
                                                     "prompt.")] = None,
    passage_prefix: Annotated[str | None, typer.Option(help="Text put before passages; likewise.")] = None,
    download: Annotated[bool, typer.Option("--download", help="Fetch from the hub what is not in its local cache; "
                                           "without this, no network is used.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Put it in the place of a bundle that is there.")] = False,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Turn SOURCE into a bundle: ONNX graph, tokenizer, settings, checksums.

    Needs the extra `train` (torch); using the bundle does not. The vectors are compared with those of
    sentence-transformers before anything is written, and the differences go into the bundle.

    Example: tamis model export ./my-encoder --name my-encoder --precision int8
    """
    called = name or Path(source).expanduser().name
    target = out or stored_path(called, precision)
    say(f"exporting {source} ({precision}) to {target}: about a minute")
    if source == DEFAULT_ENCODER and not Path(source).is_dir():
        with locked(target):
            bundle = export_minilm(target, precision, name=called, replace=replace)
    else:
        from tamis.models.export import export_encoder

        bundle = export_encoder(source, target, precision, revision, called, query_prefix=query_prefix,
                                passage_prefix=passage_prefix, download=download, replace=replace)  # fmt: skip
    _show([(bundle.folder, bundle)], as_json)


@app.command("list")
def list_models(as_json: AsJson = False) -> None:
    """List the bundles of the store ($TAMIS_HOME/models, by default ~/.cache/tamis/models), each one verified."""
    bundles = list_bundles()
    if not bundles:
        say(f"no models in {store_folder()}; {DEFAULT_ENCODER} is exported when an index is first built")
    _show(bundles, as_json)


@app.command()
def verify(
    models: Annotated[list[str] | None, typer.Argument(metavar="[MODEL]...", help="Bundles: folders (with a / in "
                                                       "them), or NAME.PRECISION in the store; none: all.")] = None,
) -> None:  # fmt: skip
    """Compare every file of the bundles with its checksum; exit code 5 where one differs."""
    folders = [_folder(model) for model in models] if models else [folder for folder, _ in list_bundles()]
    damaged = []
    for folder in folders:
        try:
            bundle = ModelBundle.open(folder)
            say(f"{folder}: all {len(bundle.settings.files)} files are as exported")
        except DamagedFile as error:
            damaged.append(str(error))
    if damaged:
        raise DamagedFile("; ".join(damaged))


def _folder(model: str) -> Path:
    return Path(model).expanduser() if os.sep in model else store_folder() / model


def _show(bundles: list[tuple[Path, ModelBundle | TamisError]], as_json: bool) -> None:
    """Write bundles to stdout, as a table or as JSON."""
    if as_json:
        print_json([_as_json(folder, bundle) for folder, bundle in bundles])
        return
    if not bundles:
        return
    table = Table(*(Column(name, no_wrap=True) for name in COLUMNS), "state", box=None)
    for folder, bundle in bundles:
        if isinstance(bundle, TamisError):
            table.add_row(folder.name, "", "", "", "", "", "", str(bundle))
            continue
        settings = bundle.settings
        size = sum(entry.bytes for entry in settings.files.values())
        cosine = settings.parity.get("cosine_mean")
        table.add_row(
            settings.name, settings.precision, settings.kind, str(settings.dimension), str(settings.max_length),
            "" if cosine is None else f"{cosine:.6f}", f"{size / 1e6:.0f}", "whole",
        )  # fmt: skip
    stdout.print(table)


def _as_json(folder: Path, bundle: ModelBundle | TamisError) -> dict[str, object]:
    if isinstance(bundle, TamisError):
        return {"folder": str(folder), "error": str(bundle)}
    return {"folder": str(folder), "fingerprint": bundle.fingerprint, **bundle.settings.model_dump(mode="json")}
