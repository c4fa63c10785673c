"""`tamis eval rerank`: somebody else's run, reranked with the collection's texts."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from .judged import Collection, Measures, Out, QrelsFile, Split, parse_measures, show, with_qrels
from .output import Bars

if TYPE_CHECKING:
    from tamis.models.bundle import ModelBundle


def rerank(
    run_file: Annotated[Path, typer.Argument(metavar="RUNFILE", help="A TREC run, plain or .gz.")],
    collection: Collection,
    out: Out,
    split: Split = "test",
    model: Annotated[
        str | None,
        typer.Option(
            help="Bundle: a folder (with a / in it), or NAME.PRECISION in the store; else the default "
            "encoder, exact. An encoder reranks by cosine."
        ),
    ] = None,
    depth: Annotated[int, typer.Option(min=1, help="Passages of each query that are reranked.")] = 100,
    qrels: QrelsFile = None,
    measure: Measures = None,
    name: Annotated[
        str | None, typer.Option(help="What to call this system; by default the run's and the model's names.")
    ] = None,
    device: Annotated[Literal["cpu", "cuda", "auto"], typer.Option(help="Where the model runs.")] = "cpu",
) -> None:
    """Rerank RUNFILE, whoever made it, with the texts of COLLECTION, and score it; needs no index.

    Passages below --depth keep their order below the reranked ones. Interrupted, the same command
    goes on.

    Example: tamis eval rerank bm25.trec.gz ./scifact --out results/bm25-reranked
    """
    from tamis.eval.judged import read_judged
    from tamis.eval.rerank import rerank as rerank_run
    from tamis.eval.trec import read_run
    from tamis.rankers.text_scorer import open_text_scorer

    measures = parse_measures(measure)
    judged = with_qrels(read_judged(collection, split), qrels)
    given = read_run(run_file)
    bundle = _bundle(model)
    called = name or f"{run_file.name.removesuffix('.gz').removesuffix('.trec')}+{bundle.settings.name}"
    with closing(open_text_scorer(bundle, device)) as scorer:
        metrics = rerank_run(given, judged, bundle, scorer, out, measures, Bars(), name=called, depth=depth)
    show(metrics, out)


def _bundle(model: str | None) -> ModelBundle:
    from tamis.models.bundle import ModelBundle
    from tamis.models.minilm import NAME
    from tamis.models.store import resolve_encoder, store_folder

    if model is None:
        return resolve_encoder(NAME, "fp32")
    return ModelBundle.open(Path(model).expanduser() if os.sep in model else store_folder() / model)
