"""`tamis eval macro`, `pool` and `followir`: what single collections need beside running and scoring."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from .judged import Collection, Split
from .options import AsJson
from .output import print_json, say, stdout


def macro(
    folders: Annotated[list[Path], typer.Argument(help="Folders of evaluations, each of another collection or split.")],
    as_json: AsJson = False,
) -> None:
    """Average the means of several evaluations; each counts the same, whatever its number of queries.

    Of BRIGHT, domains of the twelve that are missing are named.

    Example: tamis eval macro results/bright/*
    """
    from tamis.eval.macro import macro_average
    from tamis.eval.metrics import Metrics

    found = macro_average([Metrics.read(folder) for folder in folders])
    for warning in found.warnings:
        say(f"note: {warning}")
    if as_json:
        print_json(asdict(found))
        return
    table = Table("system", "collection", "split", "queries", *found.average)
    for row in found.rows:
        means = (f"{value:.4f}" for value in row.means.values())
        table.add_row(row.name, row.collection, row.split, f"{row.queries:,}", *means)
    table.add_section()
    averages = (f"{value:.4f}" for value in found.average.values())
    table.add_row("macro average", f"{len(found.rows)} splits", "", "", *averages)
    stdout.print(table)


def pool(
    collection: Collection,
    out: Annotated[Path, typer.Option(help="File of the run, such as pool.trec.")],
    split: Split = "test",
) -> None:
    """Write the candidates that a collection gives to rerankers as a TREC run, best first.

    Example: tamis eval pool ./core17 --out pool.trec
    """
    import numpy as np

    from tamis.errors import NotFound
    from tamis.eval.judged import read_judged
    from tamis.eval.trec import Run, write_run

    judged = read_judged(collection, split)
    if not judged.pools:
        raise NotFound(f"{collection} gives no candidates; rerank a run of your own")
    run = Run(
        {
            query.id: (judged.pools[query.id], np.arange(len(judged.pools[query.id]), 0, -1, dtype=np.float32))
            for query in judged.queries
            if query.id in judged.pools
        },
        tag="pool",
    )
    write_run(run, out)
    say(f"wrote {out}: {len(run.rankings)} queries, {len(run):,} candidates")


def followir(
    run_file: Annotated[Path, typer.Argument(metavar="RUNFILE", help="A TREC run, plain or .gz.")],
    collection: Collection,
    split: Split = "test",
    as_json: AsJson = False,
) -> None:
    """Score how RUNFILE follows changed instructions: p-MRR, 100 is best, 0 is no change, -100 is the contrary.

    Example: tamis eval followir results/core17/run.trec ./core17
    """
    from tamis.eval.followir import p_mrr
    from tamis.eval.judged import read_judged
    from tamis.eval.trec import read_run

    found = p_mrr(read_run(run_file), read_judged(collection, split).pairs)
    if found.missing:
        say(f"note: {len(found.missing)} questions lack a ranking and are left out: {', '.join(found.missing[:10])}")
    if as_json:
        print_json(asdict(found))
        return
    table = Table("question", "p-MRR")
    for question, value in found.per_pair.items():
        table.add_row(question, f"{100 * value:+.2f}")
    table.add_section()
    table.add_row(f"mean of {len(found.per_pair)}", f"{100 * found.mean:+.2f}")
    stdout.print(table)
