"""`tamis prune`: prove how much of an index may be left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE
from rich.table import Table

from tamis.config import load_config

from .judged import Collection, Measures, PipelineName, Split, parse_measures
from .options import AsJson, ConfigFile, IndexPath
from .output import Bars, print_json, say, stdout

if TYPE_CHECKING:
    from tamis.indexer.certificate import Step

app = typer.Typer(help="Prove how much of an index may be left out.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Prove how much of an index may be left out."""


@app.command()
def prove(
    index: IndexPath,
    collection: Collection,
    split: Split = "test",
    margin: Annotated[str, typer.Option(help="Loss of no consequence, as a share of the mean: 5% or 0.05.")] = "5%",
    estimator: Annotated[str | None, typer.Option(help="What scores passages; by default the index' own, or light.")]
    = None,
    duplicates: Annotated[str, typer.Option(help="keep, exact or near.")] = "keep",
    share: Annotated[list[float] | None, typer.Option(help="Shares to test, rising; by default 0.05 to 0.6.")] = None,
    measure: Measures = None,
    pipeline: PipelineName = None,
    config: ConfigFile = None,
    figures: Annotated[Path | None, typer.Option(help="Folder for the pictures.")] = None,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Prove the largest share of INDEX that may be pruned without search getting worse on COLLECTION.

    Shares are tested in rising order, for BM25, dense, fused, blended and reranked pipelines as far as the
    configuration has them, until one test fails. What was proved is kept beside the index.

    Then: tamis index build CORPUS --out INDEX --prune certified

    Example: tamis prune prove pydocs pydocs --margin 5% -m nDCG@10 -m R@100
    """
    from tamis.errors import InvalidInput
    from tamis.eval.judged import read_judged
    from tamis.eval.prune.prove import SHARES, Question
    from tamis.eval.prune.prove import prove as run

    if duplicates not in ("keep", "exact", "near"):
        raise InvalidInput(f"duplicates must be keep, exact or near, got {duplicates!r}")
    question = Question(
        read_judged(collection, split), load_config(config).named(pipeline),
        parse_measures(measure or ["nDCG@10", "R@100"]), _share(margin), tuple(share or SHARES), estimator,
        duplicates,  # type: ignore[arg-type]  # checked above
    )  # fmt: skip
    found = run(index, question, Bars())
    if figures is not None:
        from tamis.eval.prune.figures import write_figures

        write_figures(found.steps, figures)
    if as_json:
        print_json({"steps": [step.model_dump(mode="json") for step in found.steps],
                    "certificate": found.certificate.model_dump(mode="json") if found.certificate else None,
                    "reason": found.reason})  # fmt: skip
    else:
        stdout.print(_table(found.steps))
    say(f"proved: {found.certificate.sentence}" if found.certificate else f"nothing is proved: {found.reason}")
    if found.certificate and found.reason:
        say(f"no further: {found.reason}")


@app.command()
def compare(
    index: IndexPath,
    collection: Collection,
    split: Split = "train",
    estimator: Annotated[list[str] | None, typer.Option(help="What to compare; by default light, length and random.")]
    = None,
    grade: Annotated[int, typer.Option(min=1, help="Grade from which a passage counts as relevant.")] = 1,
    figures: Annotated[Path | None, typer.Option(help="Folder for the pictures.")] = None,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Compare estimators on INDEX by where the passages that COLLECTION judges land, before one is proved.

    Choose on training queries, then prove on others.

    Example: tamis prune compare pydocs pydocs --split train --estimator light --estimator length
    """
    from tamis.eval.judged import read_judged
    from tamis.eval.prune.separate import separate, sorts
    from tamis.indexer.published import PublishedIndex

    judged = read_judged(collection, split)
    with PublishedIndex.open(index) as opened:
        divided = sorts(judged, opened, grade)
    good = len(divided.good)
    found = separate(index, judged, estimator or ["light", "length", "random"], grade, Bars())
    if figures is not None:
        from tamis.eval.prune.figures import write_comparison

        write_comparison(found, good, figures)
    if as_json:
        print_json([{"estimator": one.estimator, "area": one.area, "kept": {str(k): v for k, v in one.kept.items()},
                     "kept_judged": {str(k): v for k, v in one.kept_judged.items()}, "per_second": one.per_second,
                     "knows": one.knows} for one in found])  # fmt: skip
        return
    shown = (0.1, 0.15, 0.25, 0.5)
    names = ("estimator", "area", *(f"kept at {share:.0%}" for share in shown), "a second", "it knows")
    table = Table(*names, box=SIMPLE, padding=(0, 1, 0, 0), pad_edge=False)
    for one in found:
        table.add_row(one.estimator, f"{one.area:.3f}", *(f"{one.kept[share]:.1%}" for share in shown),
                      f"{one.per_second:,.0f}", f"{one.knows} queries")  # fmt: skip
    stdout.print(table)
    contrast = "judged as not" if divided.judged else "that no query asks for, for want of any judged as not relevant"
    say(f"{good:,} relevant passages against {len(divided.bad):,} {contrast}")


@app.command()
def gate(
    index: IndexPath,
    collection: Collection,
    split: Split = "train",
    share: Annotated[float, typer.Option(min=0, max=1, help="Share of the queries that is to ask the cold tier.")]
    = 0.2,
    measure: Measures = None,
    pipeline: PipelineName = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Choose when the cold tier of INDEX is asked: the threshold below which a SHARE of COLLECTION's queries lies.

    Beside it stands what other shares would be worth. Choose on training queries, then evaluate on others.

    Example: tamis prune gate pydocs pydocs --split train --share 0.2
    """
    from tamis.eval.judged import read_judged
    from tamis.eval.prune.gate import SHARES, answer_by_tiers, threshold
    from tamis.rankers.config import PipelineConfig
    from tamis.rankers.engine import Engine

    judged = read_judged(collection, split)
    settings = load_config(config).named(pipeline).model_dump() | {"cold": "always", "cold_below": None}
    with Engine.open(index, PipelineConfig.model_validate(settings)) as engine, \
            Bars().phase("search", len(judged.queries), "queries") as report:
        measures = parse_measures(measure or ["nDCG@10", "R@100"])
        found = answer_by_tiers(engine, engine.pipeline, judged, measures, report)
    below = round(threshold(found.gaps, share), 4)
    asked = [found.at(one) for one in sorted({*SHARES, share})]
    if as_json:
        print_json({"cold_below": below, "shares": [asdict(one) for one in asked]})
        return
    names = list(found.hot)
    table = Table("asked", "below", *names, box=SIMPLE, padding=(0, 1, 0, 0), pad_edge=False)
    for one in asked:
        table.add_row(f"{one.share:.0%}", f"{one.below:.4f}", *(f"{one.means[name]:.4f}" for name in names))
    stdout.print(table)
    stdout.print(f'[pipeline]\ncold = "unsure"\ncold_below = {below}', markup=False, highlight=False)


def _table(steps: Sequence[Step]) -> Table:
    """Show every test, within 80 columns."""
    names = ("pruned", "pipeline", "measure", "whole", "change, 95 %", "p", "p equal", "changed", "power")
    table = Table(*names, box=SIMPLE, padding=(0, 1, 0, 0), pad_edge=False)
    for step in steps:
        for test in step.tests:
            change = f"{test.pruned - test.whole:+.3f} {test.interval[0]:+.3f} {test.interval[1]:+.3f}"
            table.add_row(
                f"{step.share:.0%}", test.pipeline, test.measure, f"{test.whole:.3f}", change,
                _p(test.p_non_inferiority), _p(test.p_equivalence), str(test.changed), f"{test.power:.2f}",
            )  # fmt: skip
        table.add_section()
    return table


def _p(value: float) -> str:
    return "<.001" if value < 0.001 else f"{value:.3f}"


def _share(text: str) -> float:
    from tamis.errors import InvalidInput

    try:
        return float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        raise InvalidInput(f"margin {text!r} is no share; write 5% or 0.05") from None
