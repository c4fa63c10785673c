"""`tamis train`: judgments to models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.table import Table

from . import train_blend
from .options import IndexPath
from .output import Bars, say, stdout

if TYPE_CHECKING:
    from tamis.training.groups import Group

app = typer.Typer(help="Train models on judged collections.", no_args_is_help=True)

GroupFiles = Annotated[list[Path], typer.Argument(metavar="GROUPS...", help="Files that `tamis train mine` wrote.")]
Dev = Annotated[list[Path], typer.Option(help="Groups held out, on which the best checkpoint is chosen.")]
Out = Annotated[Path, typer.Option(help="Folder for checkpoints, model and card.")]
RecipeFile = Annotated[
    Path | None, typer.Option("--recipe", help="TOML file of the recipe's values; `tamis train recipe` shows them.")
]
Steps = Annotated[int | None, typer.Option(min=1, help="Steps, instead of the recipe's.")]
Seed = Annotated[int | None, typer.Option(help="Seed, instead of the recipe's.")]


@app.command()
def mine(
    index: IndexPath,
    collection: Annotated[str, typer.Argument(metavar="COLLECTION", help="The judged collection of that index.")],
    out: Annotated[Path, typer.Option(help="Parquet file to write.")],
    split: Annotated[str, typer.Option(help="Split of the judgments.")] = "train",
    queries: Annotated[int | None, typer.Option(min=1, help="Take so many at random; by default all.")] = None,
    negatives: Annotated[int, typer.Option(min=1, help="Negatives of each group.")] = 7,
    depth: Annotated[int, typer.Option(min=1, help="Candidates asked of each arm.")] = 100,
    ceiling: Annotated[float, typer.Option(min=0, help="Leave out unjudged candidates nearer to the query than this "
                                           "share of the relevant one's similarity; 0 keeps all.")] = 0.95,
    pools: Annotated[bool, typer.Option("--pools", help="Judged passages only, for collections of judged pools.")]
    = False,
    seed: Annotated[int, typer.Option(help="Of the draws.")] = 0,
    teacher: Annotated[Path | None, typer.Option(help="Run file of a stronger ranker: its passages are the candidates, "
                                                 "its scores what is learned.")] = None,
) -> None:  # fmt: skip
    """Mine hard negatives from the first stage of INDEX, with a teacher's score for each passage.

    The teacher is the first stage, vectors and a little of words, or with `--teacher` any run: of `tamis eval rerank`
    with a stronger model, or of `tamis eval mix`, which makes one of several.

    Example: tamis train mine var/msmarco ./msmarco --split train --out groups/msmarco.parquet

    Example: tamis train mine var/msmarco ./msmarco --teacher mixed.trec --out groups/taught.parquet
    """
    from tamis.eval.judged import read_judged
    from tamis.eval.trec import read_run
    from tamis.indexer.published import PublishedIndex
    from tamis.training.groups import write_groups
    from tamis.training.mining import MiningSettings, sampled
    from tamis.training.mining import mine as mine_groups

    judged = read_judged(collection, split)
    if queries is not None:
        judged = sampled(judged, queries, seed)
    run = None if teacher is None else read_run(teacher)
    settings = MiningSettings(depth, negatives, ceiling=ceiling, pools=pools, seed=seed)
    with (
        PublishedIndex.open(index) as opened,
        Bars().phase("mine", len(judged.queries), "queries") as report,
    ):
        count = write_groups(mine_groups(opened, judged, settings, report, run), out)
    say(f"wrote {count:,} groups to {out}")


@app.command()
def split(
    collection: Annotated[str, typer.Argument(metavar="COLLECTION", help="A judged collection.")],
    part: Annotated[list[str], typer.Option(metavar="NAME=SHARE", help="A part, and its share of the queries relative "
                                            "to the others'; say it for each.")],
    out: Annotated[Path, typer.Option(help="Folder for the parts, as splits of a collection; there must be none yet.")],
    split: Annotated[str, typer.Option(help="Split to divide.")] = "train",
    seed: Annotated[int, typer.Option(help="Of the draw.")] = 0,
) -> None:  # fmt: skip
    """Divide a split, for models that are trained one upon the other; queries with a common relevant passage stay together.

    A blend that learns from the queries of which the encoder was trained trusts it too much. Give each its own part,
    and a third one to choose checkpoints by.

    Example: tamis train split ./scifact --part encoder=4 --part dev=1 --part blend=5 --out ./scifact-parts
    """
    from tamis.errors import InvalidInput
    from tamis.eval.judged import read_judged
    from tamis.training.parts import into_parts, write_parts

    shares: dict[str, float] = {}
    for given in part:
        name, _, share = given.partition("=")
        try:
            number = float(share)
        except ValueError:
            raise InvalidInput(f"--part must be NAME=SHARE, such as encoder=4, got {given!r}") from None
        if name in shares:
            raise InvalidInput(f"part {name!r} was given twice")
        shares[name] = number
    found = into_parts(read_judged(collection, split), shares, seed)
    write_parts(found.parts, out)
    say(f"wrote {out}: " + ", ".join(f"{one.split} {len(one.queries):,} queries" for one in found.parts))
    if not found.are_apart:
        say("note: more than half of the queries hang together by common relevant passages; they were drawn at random")


@app.command("cross-encoder")
def cross_encoder(
    groups: GroupFiles,
    dev: Dev,
    out: Out,
    init: Annotated[str, typer.Option(help="Weights to start from: a folder, a hub id, or all-MiniLM-L6-v2 for the "
                                      "installed encoder.")] = "all-MiniLM-L6-v2",
    recipe: RecipeFile = None,
    steps: Steps = None,
    seed: Seed = None,
) -> None:  # fmt: skip
    """Train a cross-encoder on GROUPS; the same command goes on with an interrupted training.

    Then: tamis model export OUT/model --kind cross-encoder

    Example: tamis train cross-encoder groups/msmarco.parquet --dev groups/dev.parquet --out models/mine
    """
    from tamis.models.minilm import NAME, find_minilm
    from tamis.training.card import write_card
    from tamis.training.cross_encoder import train_cross_encoder
    from tamis.training.recipe import Recipe, read_recipe
    from tamis.training.running import counts

    settings = read_recipe(recipe, Recipe, steps=steps, seed=seed)
    learned, held_out = _read(groups), _read(dev)
    weights = str(find_minilm()) if init == NAME else init
    reached = train_cross_encoder(weights, learned, held_out, settings, out)
    write_card(out, init, settings, counts(learned), counts(held_out), reached)
    say(f"mean reciprocal rank on the dev groups {reached:.4f}; wrote {out / 'model'} and {out / 'CARD.md'}")


@app.command()
def monot5(
    groups: GroupFiles,
    dev: Dev,
    out: Out,
    init: Annotated[Path, typer.Option(help="Folder of a T5 or monoT5 to start from.")],
    recipe: RecipeFile = None,
    steps: Steps = None,
    seed: Seed = None,
    prompt: Annotated[str | None, typer.Option(help="What the model reads, with {query} and {passage}; by default "
                                               "'Query: {query} Document: {passage} Relevant:'.")] = None,
    targets: Annotated[tuple[str, str] | None, typer.Option(metavar="YES NO", help="Words that the model answers; by "
                                                            "default true false.")] = None,
) -> None:  # fmt: skip
    """Train a monoT5 on GROUPS; the same command goes on with an interrupted training.

    Then: tamis model export OUT/model --kind monot5

    Example: tamis train monot5 groups/msmarco.parquet --dev groups/dev.parquet --init ./t5-small --out models/mine
    """
    from tamis.models.export_scorer import PROMPTS, TARGETS
    from tamis.training.card import write_card
    from tamis.training.monot5 import train_monot5
    from tamis.training.recipe import Recipe, read_recipe
    from tamis.training.running import counts

    settings = read_recipe(recipe, Recipe, steps=steps, seed=seed)
    learned, held_out = _read(groups), _read(dev)
    reached = train_monot5(init, learned, held_out, settings, out, prompt or PROMPTS["monot5"], targets or TARGETS)
    write_card(out, str(init), settings, counts(learned), counts(held_out), reached, "a monoT5")
    say(f"mean reciprocal rank on the dev groups {reached:.4f}; wrote {out / 'model'} and {out / 'CARD.md'}")


def _read(files: list[Path]) -> list[Group]:
    from tamis.training.groups import read_groups

    return [group for path in files for group in read_groups(path)]


@app.command()
def encoder(
    groups: GroupFiles,
    dev: Dev,
    out: Out,
    init: Annotated[str, typer.Option(help="Weights to start from: a folder, a hub id, or all-MiniLM-L6-v2 for the "
                                      "installed encoder.")] = "all-MiniLM-L6-v2",
    recipe: RecipeFile = None,
    steps: Steps = None,
    seed: Seed = None,
) -> None:  # fmt: skip
    """Train an encoder on groups; the same command continues an interrupted training.

    Relevant passages are learned against hard negatives and the other queries' passages. A recipe with
    dimensions = [192, 96] makes shorter vectors work too. Without judgments, `tamis train cloze` makes groups.

    Example: tamis train encoder mined.parquet --dev dev.parquet --out models/mine

    Mine the dev groups with `--ceiling 0`: a ceiling leaves out all that the weights to start from find hard.

    Export and use the result: tamis model export OUT/model --name NAME; tamis index build ... --encoder NAME
    """
    from tamis.models.minilm import NAME, find_minilm
    from tamis.training.card import write_card
    from tamis.training.encoder import train_encoder
    from tamis.training.recipe import EncoderRecipe, read_recipe
    from tamis.training.running import counts

    settings = read_recipe(recipe, EncoderRecipe, steps=steps, seed=seed)
    learned, held_out = _read(groups), _read(dev)
    weights = str(find_minilm()) if init == NAME else init
    reached = train_encoder(weights, learned, held_out, settings, out)
    write_card(out, init, settings, counts(learned), counts(held_out), reached.trained, "an encoder", reached.start)
    say(f"mean reciprocal rank on the dev groups {reached.trained:.4f}, {reached.start:.4f} before the training"
        + "".join(f", {value:.4f} with {size} dimensions" for size, value in reached.shorter.items())
        + f"; wrote {out / 'model'} and {out / 'CARD.md'}")  # fmt: skip
    if reached.trained <= reached.start:
        say(f"note: it is no better than {init} on these groups; another learning rate or more groups may help")


@app.command()
def cloze(
    index: IndexPath,
    out: Annotated[Path, typer.Option(help="Parquet file to write.")],
    dev: Annotated[Path, typer.Option(help="Parquet file for the groups held out.")],
    held_out: Annotated[int, typer.Option(min=1, help="One group of so many is held out.")] = 20,
    seed: Annotated[int, typer.Option(help="Of the draws.")] = 0,
) -> None:
    """Make groups from the passages of INDEX alone: a sentence asks for the passage that it was taken from.

    For corpora without judgments, before or instead of training on any (inverse cloze, Lee et al. 2019).

    Example: tamis train cloze var/docs --out cloze.parquet --dev cloze-dev.parquet
    """
    from tamis.errors import InvalidInput
    from tamis.indexer.published import PublishedIndex
    from tamis.training.cloze import cloze as cloze_groups
    from tamis.training.cloze import with_distractors
    from tamis.training.groups import write_groups

    with PublishedIndex.open(index) as opened:
        found = list(cloze_groups(opened.passages, index.name, seed))
    learned = [group for place, group in enumerate(found) if place % held_out]
    if not learned:
        raise InvalidInput(f"{index} has {len(found)} passages of two sentences or more; that is too few to learn from")
    write_groups(learned, out)
    write_groups(with_distractors(found[::held_out]), dev)
    say(f"wrote {len(learned):,} groups to {out}, {len(found) - len(learned):,} to {dev}")


app.command("blend")(train_blend.blend)


@app.command()
def recipe(
    kind: Annotated[Literal["reranker", "encoder"], typer.Argument(help="What is trained.")] = "reranker",
) -> None:
    """Show the values of a recipe, their defaults and what they mean."""
    from tamis.training.recipe import EncoderRecipe, Recipe

    table = Table("value", "default", "meaning")
    for name, field in (EncoderRecipe if kind == "encoder" else Recipe).model_fields.items():
        table.add_row(name, str(field.default if not field.default_factory else {}), field.description)
    stdout.print(table)


@app.command()
def quality(
    collections: Annotated[list[str], typer.Argument(metavar="COLLECTION...", help="Judged collections.")],
    out: Annotated[Path, typer.Option(help="Folder of the model; there must be none yet.")],
    split: Annotated[str, typer.Option(help="Split of the judgments.")] = "train",
    name: Annotated[str | None, typer.Option(help="What to call it; by default the folder's name.")] = None,
    encoder: Annotated[str, typer.Option(help="Encoder whose token table gives the word vectors.")]
    = "all-MiniLM-L6-v2",
    language: Annotated[str, typer.Option(help="Language of the passages.")] = "en",
    on: Annotated[Literal["text", "embedding"], typer.Option(help="What it reads: the text, before anything is "
                                                             "encoded, or the encoder's vector.")] = "text",
    most: Annotated[int, typer.Option(min=50, help="Passages of each sort to take of a collection.")] = 50_000,
    seed: Annotated[int, typer.Option(help="Of what is held out to measure.")] = 0,
) -> None:  # fmt: skip
    """Learn from COLLECTIONs which passages answer nothing, for `tamis index build --prune --estimator OUT`.

    Passages that were judged as not relevant are the contrast; where there are none, those that no query asks for.

    Example: tamis train quality ./wikiqa --out models/quality
    """
    from tamis.errors import InvalidInput
    from tamis.eval.judged import read_judged
    from tamis.training.quality.train import train_quality
    from tamis.training.quality.train_embedding import train_embedding_quality

    if out.exists():
        raise InvalidInput(f"{out} is there already; name a folder that is not, or delete it")
    judged, called = [read_judged(one, split) for one in collections], name or out.name
    if on == "embedding":
        areas = train_embedding_quality(judged, out, called, encoder, language, seed, most)
    else:
        areas = train_quality(judged, out, called, encoder, language, seed, most).areas
    for source, reached in areas.items():
        say(f"{source}: area under the ROC curve {reached:.3f} on the held-out fifth")
    say(f"wrote {out}")
