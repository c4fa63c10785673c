"""`tamis features`: what the blend can see of a candidate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tamis.config import load_config

from .options import AsJson, ConfigFile, IndexPath
from .output import Bars, print_json, say, stdout

app = typer.Typer(help="The features of candidates, over which the blend is learned.", no_args_is_help=True)


@app.command("list", epilog="Example: `tamis features list --group proximity`")
def list_features(
    group: Annotated[str | None, typer.Option(help="Only this group: 'term match', proximity, dense, ...")] = None,
    field: Annotated[str | None, typer.Option(help="Only this field: analysed, unstemmed, wordpiece or title.")] = None,
    as_json: AsJson = False,
) -> None:
    """List every feature with group, unit, formula and source, in the order of columns."""
    from dataclasses import asdict

    from tamis.errors import InvalidInput
    from tamis.rankers.features.schema import SCHEMA, schema_hash

    for asked, known, what in (
        (group, {f.group for f in SCHEMA}, "group"),
        (field, {f.field for f in SCHEMA}, "field"),
    ):
        if asked is not None and asked not in known:
            raise InvalidInput(f"no {what} is called {asked!r}; there are {', '.join(sorted(known - {''}))}")
    chosen = [feature for feature in SCHEMA if group in (None, feature.group) and field in (None, feature.field)]
    if as_json:
        print_json({"schema": schema_hash(), "features": [asdict(feature) for feature in chosen]})
        return
    for feature in chosen:
        stdout.print(
            f"{feature.name}\n    {feature.formula}\n    {feature.group}, {feature.unit}; {feature.source}",
            markup=False, highlight=False, soft_wrap=True,
        )  # fmt: skip
    classic = sum(feature.classic for feature in chosen)
    stdout.print(
        f"{len(chosen)} features, {classic} of them classic; schema {schema_hash()[:12]}", markup=False, highlight=False
    )


@app.command("dump", epilog="Example: `tamis features dump var/scifact ./scifact --split train --out train.svm`")
def dump_features(
    index: IndexPath,
    collection: Annotated[str, typer.Argument(metavar="COLLECTION", help="The judged collection of that index.")],
    out: Annotated[Path, typer.Option(help="File to write: .svm for SVMlight, or .parquet.")],
    split: Annotated[str, typer.Option(help="Split of the judgments.")] = "train",
    queries: Annotated[int | None, typer.Option(min=1, help="Take so many at random; by default all.")] = None,
    seed: Annotated[int, typer.Option(help="Of the draw.")] = 0,
    config: ConfigFile = None,
) -> None:
    """Write the features of the candidates that the first stage finds, with their grades, for other learners."""
    from tamis.eval.judged import read_judged
    from tamis.rankers.blend.blend import usable_forward
    from tamis.rankers.engine import Engine
    from tamis.rankers.features.extract import FeatureExtractor
    from tamis.rankers.variants import SLOTS, without
    from tamis.training.blend.dump import check_format, dump
    from tamis.training.blend.logged import log_candidates
    from tamis.training.mining import sampled

    check_format(out)
    judged = read_judged(collection, split)
    asked = judged.queries if queries is None else sampled(judged, queries, seed).queries
    with Engine.open(index, without(load_config(config).pipeline, SLOTS)) as engine:
        forward = usable_forward(engine.index.forward, engine.index.manifest.corpus.name)
        extractor = FeatureExtractor(forward, engine.index.quality, vectors=engine.index.dense.vectors)
        with Bars().phase("log", len(asked), "queries") as report:
            logged = log_candidates(engine, judged, extractor, report, asked)
        ids = [passage.id for passage in engine.index.passages.take(logged.rows)]
    dump(logged, ids, extractor.schema, out)
    say(f"wrote {len(ids):,} candidates of {len(asked):,} queries, {len(extractor.schema)} features each, to {out}")
