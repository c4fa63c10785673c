"""`tamis train blend`: from judgments to a forest that orders candidates."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tamis.config import load_config
from tamis.errors import InvalidInput

from .options import ConfigFile, IndexPath
from .output import Bars, say

if TYPE_CHECKING:
    from tamis.training.blend.portable import Source
    from tamis.training.blend.train import Trained


def blend(
    index: IndexPath,
    collection: Annotated[str, typer.Argument(metavar="COLLECTION", help="The judged collection of that index.")],
    split: Annotated[str, typer.Option(help="Split of the judgments to learn from.")] = "train",
    out: Annotated[Path | None, typer.Option(help="Folder for the blend, instead of a new version of INDEX.")] = None,
    queries: Annotated[int | None, typer.Option(min=10, help="Most queries that are used.")] = None,
    seed: Annotated[int, typer.Option(help="Of all that is random.")] = 0,
    also: Annotated[
        list[str] | None,
        typer.Option(metavar="INDEX=COLLECTION", help="Learn from this one too, for indexes of any collection."),
    ] = None,
    config: ConfigFile = None,
) -> None:
    """Train the forest that orders candidates by their features, and publish it in a new version of INDEX.

    Features, leaves and trees are chosen by cross-validation inside the split; the new version hard-links what did
    not change. Then `[pipeline] blend = "index"` uses it.

    With `--also` it learns from several collections, by features that say the same in every index, and is chosen by
    what it does for the collection that is held out: a blend for indexes without judgments. It goes to `--out`.

    Example: tamis train blend scifact ./scifact --split train

    Example: tamis train blend scifact ./scifact --also nfcorpus=./nfcorpus --out ./portable
    """
    from tamis.eval.judged import read_judged
    from tamis.rankers.blend.bundle import check_new
    from tamis.rankers.engine import Engine
    from tamis.rankers.variants import SLOTS, without
    from tamis.training.blend.portable import Source, train_portable
    from tamis.training.blend.recipe import BlendRecipe
    from tamis.training.blend.train import train_blend

    if out is not None:
        check_new(out)  # before minutes of work, not after
    recipe = BlendRecipe(seed=seed, **({} if queries is None else {"queries": queries}))
    judged = read_judged(collection, split)
    if also:
        if out is None:
            raise InvalidInput("a blend for several indexes is not published in one of them; say `--out FOLDER`")
        sources = [Source(index, judged), *(_source(one, split) for one in also)]
        trained = train_portable(sources, without(load_config(config).pipeline, SLOTS), recipe, Bars())
        _written(trained, out)
        return
    with Engine.open(index, without(load_config(config).pipeline, SLOTS)) as engine:
        trained = train_blend(engine, judged, recipe, Bars())
        version = engine.index.manifest.version
    if out is not None:
        _written(trained, out)
    else:
        _told(trained)
        manifest = trained.publish(index, version)
        say(f"{index} is at version {manifest.version}; use the blend with `[pipeline] blend = \"index\"`")


def _source(given: str, split: str) -> Source:
    from tamis.eval.judged import read_judged
    from tamis.training.blend.portable import Source

    index, equals, collection = given.partition("=")
    if not (index and equals and collection):
        raise InvalidInput(f"--also must be INDEX=COLLECTION, got {given!r}")
    return Source(Path(index), read_judged(collection, split))


def _written(trained: Trained, out: Path) -> None:
    _told(trained)
    say(f"wrote {trained.write(out).folder}; use it with `[pipeline] blend = \"{out}\"`")


def _told(trained: Trained) -> None:
    say(f"{len(trained.features)} features; held-out nDCG@10: {trained.card['held_out_ndcg_10']}")
