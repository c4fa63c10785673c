"""`tamis train`: judgments to models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.table import Table

from . import train_blend, train_data
from .output import say, stdout

if TYPE_CHECKING:
    from tamis.training.groups import Group

app = typer.Typer(help="Train models on judged collections.", no_args_is_help=True)
app.command()(train_data.mine)
app.command()(train_data.split)
app.command()(train_data.cloze)

GroupFiles = Annotated[list[Path], typer.Argument(metavar="GROUPS...", help="Files that `tamis train mine` wrote.")]
Dev = Annotated[list[Path], typer.Option(help="Groups held out, on which the best checkpoint is chosen.")]
Out = Annotated[Path, typer.Option(help="Folder for checkpoints, model and card.")]
RecipeFile = Annotated[
    Path | None, typer.Option("--recipe", help="TOML file of the recipe's values; `tamis train recipe` shows them.")
]
Steps = Annotated[int | None, typer.Option(min=1, help="Steps, instead of the recipe's.")]
Seed = Annotated[int | None, typer.Option(help="Seed, instead of the recipe's.")]


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
    from tamis.eval.judged import read_judged
    from tamis.rankers.blend.bundle import check_new
    from tamis.training.quality.train import train_quality
    from tamis.training.quality.train_embedding import train_embedding_quality

    check_new(out)
    judged, called = [read_judged(one, split) for one in collections], name or out.name
    if on == "embedding":
        areas = train_embedding_quality(judged, out, called, encoder, language, seed, most)
    else:
        areas = train_quality(judged, out, called, encoder, language, seed, most).areas
    for source, reached in areas.items():
        say(f"{source}: area under the ROC curve {reached:.3f} on the held-out fifth")
    say(f"wrote {out}")
