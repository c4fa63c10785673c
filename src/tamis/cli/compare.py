"""`tamis eval compare`: what may be concluded from two evaluations or more."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from .options import AsJson
from .output import print_json, stdout


def compare(
    folders: Annotated[list[Path], typer.Argument(help="Folders of evaluations; the first is the baseline.")],
    margin: Annotated[float, typer.Option(help="Relative loss that is of no consequence, for equivalence.")] = 0.05,
    as_json: AsJson = False,
) -> None:
    """Compare evaluations of the same queries, and say what may be concluded.

    Differences are paired by query; p-values of the t-test and the randomisation test are adjusted
    by Holm for all comparisons made at once; equivalence is Schuirmann's two one-sided tests.

    Example: tamis eval compare results/first results/second
    """
    from tamis.eval.compare import compare as compare_systems
    from tamis.eval.metrics import Metrics

    found = compare_systems([Metrics.read(folder) for folder in folders], margin)
    if as_json:
        print_json([{**asdict(one), "conclusion": one.conclusion} for one in found])
        return
    table = Table(
        "measure", "system", "mean", "difference", "95 % interval", "p t", "p random.", "p equiv.", "d", "w/t/l"
    )
    for one in found:
        interval = f"{one.interval.low:+.4f} to {one.interval.high:+.4f}"
        table.add_row(
            one.measure, one.system, f"{one.mean:.4f}", f"{one.difference:+.4f}", interval, f"{one.p_t:.3g}",
            f"{one.p_randomisation:.3g}", f"{one.p_equivalence:.3g}", f"{one.effect:+.2f}",
            f"{one.wins}/{one.ties}/{one.losses}",
        )  # fmt: skip
    stdout.print(table)
    for one in found:
        stdout.print(one.conclusion, highlight=False, soft_wrap=True)
