"""`tamis train mine`, `split` and `cloze`: what training reads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tamis.errors import InvalidInput

from .options import IndexPath
from .output import Bars, say


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
