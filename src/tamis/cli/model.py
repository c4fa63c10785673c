"""`tamis model`: export models to bundles, list them, check them, time them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from tamis.errors import DamagedFile, InvalidInput
from tamis.models.bundle import ModelBundle
from tamis.models.minilm import NAME as DEFAULT_ENCODER
from tamis.models.minilm import export_minilm
from tamis.models.publish import locked
from tamis.models.session import Device
from tamis.models.settings import Kind, Precision
from tamis.models.shipped import NAME as DEFAULT_RERANKER
from tamis.models.shipped import export_shipped
from tamis.models.store import list_bundles, store_folder, stored_path

from .check import check
from .model_table import show_bundles, show_speeds
from .options import AsJson
from .output import say

app = typer.Typer(help="Export models to bundles, list them, check them, time them.", no_args_is_help=True)


@app.command()
def export(
    source: Annotated[str, typer.Argument(help="Folder of a model (sentence-transformers or transformers), its name on "
                                          f"the Hugging Face hub, or {DEFAULT_ENCODER} or {DEFAULT_RERANKER} for "
                                          "those that Tamis comes with.")],
    kind: Annotated[Kind, typer.Option(help="What the model does: encoder makes vectors, cross-encoder and monot5 "
                                       "score a passage for a query, quality-t5 a passage alone.")] = "encoder",
    name: Annotated[str | None, typer.Option(help="What to call it; by default the last part of SOURCE.")] = None,
    precision: Annotated[Precision, typer.Option(help="fp32 is exact; int8 is faster on a CPU, at a measured loss; "
                                                 "fp16 is for GPUs and not for encoders.")] = "fp32",
    out: Annotated[Path | None, typer.Option(help="Folder to make; by default NAME.PRECISION in the store.")] = None,
    revision: Annotated[str | None, typer.Option(help="Commit or tag on the hub.")] = None,
    query_prefix: Annotated[str | None, typer.Option(help="encoder: text put before queries; by default the model's "
                                                     "own prompt.")] = None,
    passage_prefix: Annotated[str | None, typer.Option(help="encoder: text put before passages; likewise.")] = None,
    prompt: Annotated[str | None, typer.Option(help="monot5, quality-t5: what the model reads, with {passage}, and "
                                               "{query} before it; by default 'Query: {query} Document: {passage} "
                                               "Relevant:', without the query for quality-t5.")] = None,
    targets: Annotated[tuple[str, str] | None, typer.Option(metavar="YES NO", help="monot5, quality-t5: words that "
                                                            "the model answers; by default true false.")] = None,
    max_length: Annotated[int | None, typer.Option(help="All but encoder: tokens to read, fewer than the model "
                                                   "can.")] = None,
    keep_fp32: Annotated[list[str] | None, typer.Option(help="All but encoder, with int8: regular expression for the "
                                                        "names of layers that stay fp32, such as "
                                                        "'layer.0|classifier'; may be repeated.")] = None,
    download: Annotated[bool, typer.Option("--download", help="Fetch from the hub what is not in its local cache; "
                                           "without this, no network is used.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Put it in the place of a bundle that is there.")] = False,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Turn SOURCE into a bundle: ONNX graph, tokenizer, settings, checksums.

    Needs the extra `train` (torch); using the bundle does not. Vectors or scores are compared with those of the
    source's own library before anything is written, and the differences go into the bundle.

    Example: tamis model export ./my-reranker --kind cross-encoder --precision int8
    """
    called = name or Path(source).expanduser().name
    target = out or stored_path(called, precision)
    say(f"exporting {source} ({precision}) to {target}: a minute or a few")
    if source == DEFAULT_RERANKER and not Path(source).is_dir():
        if kind != "cross-encoder" or prompt or targets or max_length or keep_fp32:
            raise InvalidInput(f"{source} is a --kind cross-encoder, exported as it is: only --precision is to choose")
        with locked(target):
            bundle = export_shipped(target, precision, name=called, replace=replace)
    elif kind != "encoder":
        from tamis.models.export_scorer import ScorerOptions, export_scorer

        if query_prefix is not None or passage_prefix is not None:
            raise InvalidInput(f"prefixes are for encoders, and this is a {kind}; monot5 and quality-t5 take --prompt")
        options = ScorerOptions(name=called, revision=revision, prompt=prompt, targets=targets, max_length=max_length,
                                keep_fp32=keep_fp32 or (), download=download, replace=replace)  # fmt: skip
        bundle = export_scorer(source, target, kind, precision, options)
    elif precision == "fp16" or prompt or targets or max_length or keep_fp32:
        raise InvalidInput("--precision fp16, --prompt, --targets, --max-length and --keep-fp32 are not for encoders")
    elif source == DEFAULT_ENCODER and not Path(source).is_dir():
        with locked(target):
            bundle = export_minilm(target, precision, name=called, replace=replace)
    else:
        from tamis.models.export import export_encoder

        bundle = export_encoder(source, target, precision, revision, called, query_prefix=query_prefix,
                                passage_prefix=passage_prefix, download=download, replace=replace)  # fmt: skip
    show_bundles([(bundle.folder, bundle)], as_json)


@app.command("list")
def list_models(as_json: AsJson = False) -> None:
    """List the bundles of the store ($TAMIS_HOME/models, by default ~/.cache/tamis/models), each one verified.

    Parity says how near a model is to its source: cosine is the mean over vectors, rho the mean rank correlation of
    the scores of one query's passages.
    """
    bundles = list_bundles()
    if not bundles:
        say(f"no models in {store_folder()}; {DEFAULT_ENCODER} is exported when an index is first built")
    show_bundles(bundles, as_json)


Models = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[MODEL]...", help="Bundles: folders (with a / in them), or NAME.PRECISION in the store; none: all."
    ),
]


@app.command()
def verify(models: Models = None) -> None:
    """Compare every file of the bundles with its checksum; exit code 5 where one differs."""
    damaged = []
    for folder in _folders(models):
        try:
            bundle = ModelBundle.open(folder)
            say(f"{folder}: all {len(bundle.settings.files)} files are as exported")
        except DamagedFile as error:
            damaged.append(str(error))
    if damaged:
        raise DamagedFile("; ".join(damaged))


@app.command()
def bench(
    models: Models = None,
    device: Annotated[Device, typer.Option(help="cpu, cuda, or auto for a GPU where there is one.")] = "cpu",
    threads: Annotated[int | None, typer.Option(min=1, help="Texts side by side on a CPU; by default one for each "
                                                "core.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds; the middle one is shown.")] = 5,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Time models on 100 passages of 60 words: passages a second, for rerankers pairs with one query.

    Example: tamis model bench my-reranker.int8 my-reranker.fp32 --threads 2
    """
    from tamis.models.bench import measure_speed

    bundles = [ModelBundle.open(folder) for folder in _folders(models)]
    show_speeds([(bundle, measure_speed(bundle, device, threads, rounds)) for bundle in bundles], as_json)


app.command()(check)


def _folders(models: list[str] | None) -> list[Path]:
    if not models:
        return [folder for folder, _ in list_bundles()]
    return [Path(model).expanduser() if os.sep in model else store_folder() / model for model in models]
