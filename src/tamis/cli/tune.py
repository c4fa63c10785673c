"""`tamis tune`: the best settings of a pipeline within a latency."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from tamis.config import load_config

from .judged import Collection, PipelineName
from .options import AsJson, ConfigFile, IndexPath
from .output import Bars, print_json, say, stdout

if TYPE_CHECKING:
    from tamis.eval.tune.outcome import Outcome


def tune(
    index: IndexPath,
    collection: Collection,
    p95: Annotated[str, typer.Option(help="Greatest p95 latency of queries asked one at a time, such as 80ms or 1s.")],
    out: Annotated[Path, typer.Option(help="Folder for pipeline.toml, tuning.json and the pictures.")],
    split: Annotated[str, typer.Option(help="Split that may be tuned on.")] = "train",
    confirm: Annotated[
        str | None, typer.Option(help="Split that confirms; without it a third of --split is set aside for that.")
    ] = None,
    measure: Annotated[
        str, typer.Option("--measure", "-m", help="What is to be best, as ir-measures names it.")
    ] = "nDCG@10",
    trials: Annotated[int, typer.Option(min=1, help="Settings to try.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Of the search and of the division of the queries.")] = 0,
    queries: Annotated[int, typer.Option(min=1, help="Most queries to take from a split.")] = 1_000,
    least_depth: Annotated[
        int,
        typer.Option(min=1, max=10_000, help="Candidates that every arm must hand on, for requests of so many hits."),
    ] = 100,
    force: Annotated[
        bool, typer.Option("--force", help="Write the tuned pipeline even if it is not confirmed.")
    ] = False,
    pipeline: PipelineName = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Find the settings of the pipeline that answer best within a latency.

    Searches arms, depths, breadth of the vector search and fusion on one split, where the pipeline
    has a blend, whether and down to which depth it orders candidates, and where it reranks, how deep
    and how much of the earlier scores is mixed in; chooses among
    the best by queries that the search did not fit, and by latency measured through the real pipeline;
    then compares the chosen one with the default on a held-out split. pipeline.toml holds the tuned
    pipeline where that confirms it, else the default. Interrupted, the same command goes on.

    Example: tamis tune scifact ./scifact --split train --confirm test --p95 80ms --out tuned
    """
    from tamis.eval.judged import read_judged
    from tamis.eval.tune.duration import parse_duration
    from tamis.eval.tune.outcome import Request
    from tamis.eval.tune.tune import tune as find_best
    from tamis.indexer.published import PublishedIndex

    request = Request(parse_duration(p95), measure, trials, seed, queries, least_depth, force)
    training = read_judged(collection, split)
    held_out = read_judged(collection, confirm) if confirm else None
    base = load_config(config).named(pipeline)
    with PublishedIndex.open(index) as opened:
        outcome = find_best(opened, base, training, held_out, request, out, Bars())
    outcome.write(out)
    if as_json:
        print_json(outcome.as_dict())
    else:
        _show(outcome)
    say(f"wrote {out}")


def _show(outcome: Outcome) -> None:
    from tamis.eval.tune.outcome import toml_value

    found = outcome.confirmation
    title = f"{outcome.parts.held_out.name}, {outcome.parts.held_out.split}: queries that were not tuned on"
    table = Table("", outcome.request.measure, "p50 ms", "p95 ms", "settings that differ", title=title)
    default = found.default.config.model_dump(mode="json")
    rows = {"default": found.default} if found.comparison is None else {"default": found.default, "tuned": found.tuned}
    for name, one in rows.items():
        settings = one.config.model_dump(mode="json").items()
        changed = ", ".join(f"{key} {toml_value(value)}" for key, value in settings if value != default[key])
        times = (f"{one.latency.p50_ms:.1f}", f"{one.latency.p95_ms:.1f}")
        table.add_row(name, f"{one.values.mean():.4f}", *times, Text(changed))
    stdout.print(table)
    stdout.print(outcome.verdict.sentence, highlight=False, soft_wrap=True, markup=False)
