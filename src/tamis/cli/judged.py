"""What the commands that evaluate share: arguments, judgments, and the table of results."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from .output import say, stdout

if TYPE_CHECKING:
    from ir_measures import Measure

    from tamis.eval.judged import Judged
    from tamis.eval.metrics import Metrics

Collection = Annotated[
    str,
    typer.Argument(metavar="COLLECTION", help="A folder in the layout of BEIR, MS MARCO, BRIGHT or FollowIR, "
                                              "`irds:` and an id of ir-datasets, or `pydocs`."),
]  # fmt: skip
Split = Annotated[str, typer.Option(help="Split of the judgments; of BRIGHT the domain.")]
Out = Annotated[
    Path, typer.Option(help="Folder for run.trec, metrics.json and relevant.json; made where there is none.")
]
Measures = Annotated[
    list[str] | None,
    typer.Option("--measure", "-m", help="An ir-measures name such as nDCG@10; may be given several times."),
]
QrelsFile = Annotated[Path | None, typer.Option("--qrels", help="TREC judgments to use instead of the collection's.")]
PipelineName = Annotated[
    str | None, typer.Option("--pipeline", help="A named pipeline of the configuration; without it the default one.")
]


def parse_measures(names: list[str] | None) -> list[Measure]:
    """Read the measures that were asked for, or take the default ones."""
    from tamis.eval.measures import DEFAULT, parse_measure

    return [parse_measure(name) for name in dict.fromkeys(names or DEFAULT)]


def with_qrels(judged: Judged, qrels: Path | None) -> Judged:
    """Put judgments from a file in the place of a collection's own.

    Raises:
        InvalidInput: a judged query has no text in the collection's split.
    """
    from tamis.errors import InvalidInput
    from tamis.eval.trec import read_qrels

    if qrels is None:
        return judged
    judgments = read_qrels(qrels)
    if missing := sorted(judgments.keys() - {query.id for query in judged.queries}):
        raise InvalidInput(
            f"{qrels}: {len(missing)} judged queries have no text in {judged.name}, split {judged.split}; "
            f"the first is {missing[0]!r}"
        )
    return replace(judged, queries=tuple(one for one in judged.queries if one.id in judgments), qrels=judgments)


def show(metrics: Metrics, out: Path) -> None:
    """Write what is surprising, the means with their intervals, latency and cost."""
    for warning in metrics.warnings:
        say(f"note: {warning}")
    table = Table("measure", "mean", "95 % interval", title=f"{metrics.name}: {metrics.collection}, {metrics.split}")
    for measure, values in metrics.values.items():
        interval = metrics.intervals[measure]
        table.add_row(measure, f"{values.mean():.4f}", f"{interval.low:.4f} to {interval.high:.4f}")
    stdout.print(table)
    if "total" in metrics.percentiles:
        total = metrics.percentiles["total"]
        stdout.print("one query at a time: " + ", ".join(f"{name} {ms:.1f} ms" for name, ms in total.items()))
    if metrics.cost:
        parts = (f"{value:,.3g} {name.replace('_', ' ')}" for name, value in metrics.cost.items())
        stdout.print("a query costs: " + ", ".join(parts))
    say(f"wrote {out}")
