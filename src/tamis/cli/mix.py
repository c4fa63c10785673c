"""`tamis eval mix`: several runs of the same passages as one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tamis.errors import InvalidInput

from .judged import Collection, QrelsFile, Split, with_qrels
from .output import say


def mix(
    collection: Collection,
    run_files: Annotated[list[Path], typer.Argument(metavar="RUNFILE...", help="TREC runs; the first says which "
                                                    "passages each query has.")],
    out: Annotated[Path, typer.Option(help="Run file to write.")],
    weights: Annotated[str | None, typer.Option(help="One for each run, with commas between; without it they are "
                                                "learned on the split.")] = None,
    split: Split = "train",
    qrels: QrelsFile = None,
    measure: Annotated[str, typer.Option("--measure", "-m", help="What learned weights shall make high.")] = "nDCG@10",
) -> None:  # fmt: skip
    """Mix RUNFILEs by a weighted sum of scores that are standardised for each query.

    Learn the weights on one split and give them with --weights on another: what is learned and scored on the same
    queries says nothing.

    Example: tamis eval mix ./scifact reranked/run.trec bm25.trec --out mixed.trec
    """
    from tamis.eval.judged import read_judged
    from tamis.eval.measures import parse_measure
    from tamis.eval.mix import learn_weights, mix_runs
    from tamis.eval.trec import read_run, write_run

    runs = [read_run(path) for path in run_files]
    if weights is None:
        judged = with_qrels(read_judged(collection, split), qrels)
        chosen, reached = learn_weights(runs, judged.qrels, parse_measure(measure))
        say(f"{measure} {reached:.4f} on {split}, which the weights were learned on: --weights {_written(chosen)}")
    else:
        chosen = _parsed(weights)
    write_run(mix_runs(runs, chosen), out)
    say(f"wrote {out}")


def _parsed(weights: str) -> list[float]:
    try:
        return [float(part) for part in weights.split(",")]
    except ValueError as error:
        raise InvalidInput(f"--weights is {weights!r}; expected numbers with commas between, such as 0.7,0.3") from error


def _written(weights: list[float]) -> str:
    return ",".join(f"{weight:g}" for weight in weights)
