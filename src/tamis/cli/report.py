"""`tamis eval report`: one page about a few evaluations."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .output import say, stdout


def report(
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="DIR...", help="Folders of evaluations, the baseline first; or of an ablation."),
    ],
    out: Annotated[Path, typer.Option(help="The HTML file to write.")],
    title: Annotated[str | None, typer.Option(help="Heading; by default the collection and its split.")] = None,
    measure: Annotated[
        str | None,
        typer.Option(
            "--measure", "-m", help="Measure of headlines and pictures; by default the ablation's, or nDCG@10."
        ),
    ] = None,
    margin: Annotated[float, typer.Option(help="Relative loss that is of no consequence, for equivalence.")] = 0.05,
    collection: Annotated[
        str | None, typer.Option(help="The judged collection, where the texts of the queries are to be shown.")
    ] = None,
    images: Annotated[Path | None, typer.Option(help="Folder for the pictures as SVG and PNG.")] = None,
) -> None:
    """Write one self-contained HTML page about evaluations of the same queries.

    It holds what may be concluded, effectiveness against latency, the differences query by query,
    the stage at which each relevant passage was lost, and all numbers as tables.

    Example: tamis eval report results/first results/second --out report.html
    """
    from tamis.eval.report.data import gather
    from tamis.eval.report.page import write_images, write_page
    from tamis.eval.report.read import read_all

    evaluations, ablations = read_all(folders)
    texts = {}
    if collection:
        from tamis.eval.judged import read_judged

        judged = read_judged(collection, evaluations[0].metrics.split)
        texts = {query.id: query.text for query in judged.queries}
    found = gather(evaluations, ablations, measure=measure, title=title, margin=margin, texts=texts)
    for versus in found.versus:
        if versus.comparison:
            stdout.print(versus.comparison.conclusion, markup=False, highlight=False, soft_wrap=True)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_page(found, out)
    say(f"wrote {out} ({out.stat().st_size / 1024:,.0f} KiB)")
    if images:
        names = write_images(found, images)
        say(f"wrote {len(names)} pictures, each as .svg and .png, to {images}")
