"""`tamis model`: export models to bundles, list them, verify them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.table import Table

from tamis.errors import DamagedFile, TamisError
from tamis.models.bundle import ModelBundle
from tamis.models.store import list_bundles, store_folder, stored_path

from .options import AsJson
from .output import print_json, say, stdout

app = typer.Typer(help="Export models to ONNX bundles, list them, verify them.", no_args_is_help=True)


@app.command()
def export(
    source: Annotated[str, typer.Argument(help="Folder of a sentence-transformers model, or its name on the hub.")],
    kind: Annotated[Literal["encoder"], typer.Option(help="What the model does.")] = "encoder",
    precision: Annotated[Literal["fp32", "int8"], typer.Option(help="int8 is faster on a CPU, and not exact.")] = "fp32",
    name: Annotated[str | None, typer.Option(help="What to call it; else the last part of SOURCE.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the bundle; else its place in the store.")] = None,
    revision: Annotated[str | None, typer.Option(help="Commit or tag on the hub.")] = None,
    query_prefix: Annotated[str | None, typer.Option(help="Put before queries; else the model's own prompt.")] = None,
    passage_prefix: Annotated[str | None, typer.Option(help="Put before passages; else the model's own.")] = None,
    download: Annotated[bool, typer.Option("--download", help="Ask the hub for what is not in its cache.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Take the place of a bundle that is there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Turn SOURCE into a bundle, and prove that it gives the same vectors.

    Example: tamis model export ./my-encoder --name my-encoder
    """
    from tamis.models.export import export_encoder

    called = name or source.rstrip("/").rpartition("/")[2]
    target = out or stored_path(called, precision)
    bundle = export_encoder(
        source,
        target,
        precision,
        revision,
        called,
        query_prefix=query_prefix,
        passage_prefix=passage_prefix,
        download=download,
        replace=replace,
    )
    if as_json:
        print_json({"folder": str(bundle.folder), **bundle.settings.model_dump()})
        return
    parity = ", ".join(f"{measure} {value:.2g}" for measure, value in bundle.settings.parity.items())
    say(f"{bundle.folder}: {kind} {called}, {precision}; differences from the source: {parity}")


@app.command("list")
def list_models(as_json: AsJson = False) -> None:
    """List the bundles of the store; one that cannot be opened says why."""
    rows = []
    for folder, found in list_bundles():
        row: dict[str, object] = {"folder": str(folder)}
        if isinstance(found, TamisError):
            row["problem"] = str(found)
        else:
            row |= {key: getattr(found.settings, key) for key in ("name", "kind", "precision", "dimension")}
            row["bytes"] = sum(entry.bytes for entry in found.settings.files.values())
        rows.append(row)
    if as_json:
        print_json(rows)
        return
    table = Table("name", "kind", "precision", "dimension", "MB", title=str(store_folder()), title_justify="left")
    for row in rows:
        if "problem" in row:
            table.add_row(Path(str(row["folder"])).name, str(row["problem"]))
        else:
            size = f"{float(str(row['bytes'])) / 1e6:.1f}"
            table.add_row(*(str(row[key]) for key in ("name", "kind", "precision", "dimension")), size)
    stdout.print(table)


@app.command()
def verify(
    bundles: Annotated[list[Path] | None, typer.Argument(help="Folders of bundles; none: all of the store.")] = None,
) -> None:
    """Compare every file of a bundle with its manifest, byte by byte (sha256)."""
    folders = bundles or [folder for folder, _ in list_bundles()]
    problems = 0
    for folder in folders:
        try:
            settings = ModelBundle.open(folder).settings
            say(f"{folder}: whole ({settings.kind} {settings.name}, {settings.precision})")
        except TamisError as error:
            problems += 1
            say(f"{folder}: {error}")
    if problems:
        raise DamagedFile(f"{problems} of {len(folders)} bundles are not as they were written")
