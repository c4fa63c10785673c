"""`tamis eval ablate`: what each stage of a pipeline is worth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from tamis.config import DEFAULT_PIPELINE, load_config

from .judged import Collection, PipelineName, Split, parse_measures
from .options import AsJson, ConfigFile, IndexPath
from .output import Bars, print_json, say, stdout

if TYPE_CHECKING:
    from tamis.eval.ablate import Ablation


def ablate(
    index: IndexPath,
    collection: Collection,
    out: Annotated[Path, typer.Option(help="Folder for ablation.json and a folder for each variant.")],
    split: Split = "test",
    pipeline: PipelineName = None,
    measure: Annotated[str, typer.Option("--measure", "-m", help="By which stages are judged.")] = "nDCG@10",
    margin: Annotated[float, typer.Option(help="Relative loss that is of no consequence, for equivalence.")] = 0.05,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Evaluate a pipeline without each of its stages, and say which stages are worth their milliseconds.

    All variants are run in one pass that does what they share once; each one's folder is what
    `tamis eval run --without ...` would write. Interrupted, the same command goes on.

    Example: tamis eval ablate pydocs pydocs --out results/ablation
    """
    from tamis.eval.ablate import ablate as ablate_pipeline
    from tamis.eval.judged import read_judged
    from tamis.eval.measures import DEFAULT, parse_measure
    from tamis.rankers.engine import Engine

    decisive = str(parse_measure(measure))
    measures = parse_measures([decisive, *(one for one in DEFAULT if one != decisive)])
    settings = load_config(config).named(pipeline)
    judged = read_judged(collection, split)
    with Engine.open(index, settings) as engine:
        found = ablate_pipeline(
            engine, judged, out, measures, Bars(),
            measure=decisive, pipeline=pipeline or DEFAULT_PIPELINE, margin=margin,
        )  # fmt: skip
    if as_json:
        print_json(found.content())
    else:
        _show(found)
    say(f"wrote {out}")


def _show(found: Ablation) -> None:
    for warning in next(iter(found.variants.values())).warnings:
        say(f"note: {warning}")
    table = Table("variant", found.measure, "95 % interval", "median ms", title="variants")
    for name, metrics in found.variants.items():
        interval = metrics.intervals[found.measure]
        mean = metrics.values[found.measure].mean()
        table.add_row(name, f"{mean:.4f}", f"{interval.low:.4f} to {interval.high:.4f}", f"{found.ms[name]:.1f}")
    stdout.print(table)
    table = Table("stage", "gain", "95 % interval", "p", "ms", "verdict", title="what each stage is worth")
    for one in found.verdicts:
        interval = one.interval
        table.add_row(
            one.stage, f"{one.gain:+.4f}", f"{interval.low:+.4f} to {interval.high:+.4f}", f"{one.p:.3g}",
            f"{one.ms:+.1f}", one.verdict,
        )  # fmt: skip
    stdout.print(table)
    for one in found.verdicts:
        stdout.print(one.sentence, highlight=False, soft_wrap=True)
