"""`tamis eval rerank`: somebody else's run, reranked with the collection's texts."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated, Literal

import typer

from tamis.models.minilm import NAME as DEFAULT_ENCODER

from .judged import Collection, Measures, Out, QrelsFile, Split, parse_measures, show, with_qrels
from .output import Bars

def rerank(
    run_file: Annotated[Path, typer.Argument(metavar="RUNFILE", help="A TREC run, plain or .gz.")],
    collection: Collection,
    out: Out,
    split: Split = "test",
    model: Annotated[
        str,
        typer.Option(
            help="A bundle's folder (with a / in it), NAME.PRECISION in the store, or NAME for its fp32. "
            "An encoder reranks by cosine."
        ),
    ] = DEFAULT_ENCODER,
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
    from tamis.models.store import resolve_stored
    from tamis.rankers.text_scorer import open_text_scorer

    measures = parse_measures(measure)
    judged = with_qrels(read_judged(collection, split), qrels)
    given = read_run(run_file)
    bundle = resolve_stored(model)
    called = name or f"{run_file.name.removesuffix('.gz').removesuffix('.trec')}+{bundle.settings.name}"
    with closing(open_text_scorer(bundle, device)) as scorer:
        metrics = rerank_run(given, judged, bundle, scorer, out, measures, Bars(), name=called, depth=depth)
    show(metrics, out)

