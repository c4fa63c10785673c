"""`tamis model check`: what a model's lower precision costs on judged queries."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tamis.models.session import Device

from .judged import Collection, QrelsFile, Split, with_qrels
from .options import AsJson
from .output import Bars, print_json, say, stdout


def check(
    model: Annotated[str, typer.Argument(help="Model of lower precision: a bundle's folder (with a / in it), or "
                                              "NAME.PRECISION in the store.")],
    run_file: Annotated[Path, typer.Argument(metavar="RUNFILE", help="A TREC run, whose passages are reranked.")],
    collection: Collection,
    out: Annotated[Path, typer.Option(help="Folder for the two evaluations; interrupted, the same command goes on.")],
    split: Split = "test",
    against: Annotated[str | None, typer.Option(help="The exact model; by default MODEL's own name in fp32.")] = None,
    depth: Annotated[int, typer.Option(min=1, help="Passages of each query that are reranked.")] = 100,
    qrels: QrelsFile = None,
    measure: Annotated[str, typer.Option("--measure", "-m", help="What is compared.")] = "nDCG@10",
    device: Annotated[Device, typer.Option(help="Where the models run.")] = "cpu",
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Compare MODEL with its exact version on judged queries, and write the finding into its bundle.

    A model that was found significantly worse is refused by the pipeline, unless rerank_lossy is set.

    Example: tamis model check tamis-minilm-l6.int8 bm25.trec.gz ./scifact --out results/int8
    """
    from tamis.eval.check import check_precision
    from tamis.eval.judged import read_judged
    from tamis.eval.measures import parse_measure
    from tamis.eval.trec import read_run
    from tamis.models.publish import record_check
    from tamis.models.store import resolve_scorer, resolve_stored

    lower = resolve_stored(model)
    exact = resolve_stored(against) if against else resolve_scorer(lower.settings.name, "fp32")
    judged = with_qrels(read_judged(collection, split), qrels)
    run_name = run_file.name.removesuffix(".gz").removesuffix(".trec")
    given, asked = read_run(run_file), parse_measure(measure)
    found, comparison = check_precision(
        lower, exact, given, judged, out, asked, Bars(), run_name=run_name, depth=depth, device=device
    )
    record_check(lower.folder, found)
    if as_json:
        print_json(found.model_dump())
        return
    stdout.print(comparison.conclusion, highlight=False, soft_wrap=True)
    say(f"wrote it into {lower.folder}")
