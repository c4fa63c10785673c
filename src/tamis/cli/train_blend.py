"""`tamis train blend`: from judgments to a forest that orders candidates."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tamis.config import load_config

from .options import ConfigFile, IndexPath
from .output import Bars, say


def blend(
    index: IndexPath,
    collection: Annotated[str, typer.Argument(metavar="COLLECTION", help="The judged collection of that index.")],
    split: Annotated[str, typer.Option(help="Split of the judgments to learn from.")] = "train",
    out: Annotated[Path | None, typer.Option(help="Folder for the blend, instead of a new version of INDEX.")] = None,
    queries: Annotated[int | None, typer.Option(min=10, help="Most queries that are used.")] = None,
    seed: Annotated[int, typer.Option(help="Of all that is random.")] = 0,
    config: ConfigFile = None,
) -> None:
    """Train the forest that orders candidates by their features, and publish it in a new version of INDEX.

    Features, leaves and trees are chosen by cross-validation inside the split; the new version hard-links what did
    not change. Then `[pipeline] blend = "index"` uses it.

    Example: tamis train blend scifact ./scifact --split train
    """
    from tamis.eval.judged import read_judged
    from tamis.rankers.engine import Engine
    from tamis.rankers.variants import SLOTS, without
    from tamis.training.blend.recipe import BlendRecipe
    from tamis.training.blend.train import train_blend

    recipe = BlendRecipe(seed=seed, **({} if queries is None else {"queries": queries}))
    judged = read_judged(collection, split)
    with Engine.open(index, without(load_config(config).pipeline, SLOTS)) as engine:
        trained = train_blend(engine, judged, recipe, Bars())
        version = engine.index.manifest.version
    found = trained.card["held_out_ndcg_10"]
    say(f"{len(trained.features)} features; held-out nDCG@10: {found}")
    if out is not None:
        say(f"wrote {trained.write(out).folder}; use it with `[pipeline] blend = \"{out}\"`")
    else:
        manifest = trained.publish(index, version)
        say(f"{index} is at version {manifest.version}; use the blend with `[pipeline] blend = \"index\"`")
