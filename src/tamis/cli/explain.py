"""`tamis explain`: why one passage stands above another."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from tamis.config import load_config

from .options import AsJson, ConfigFile, IndexPath
from .output import print_json, stdout


def explain(
    index: IndexPath,
    query: Annotated[str, typer.Argument(help="What was looked for.")],
    first: Annotated[str, typer.Argument(metavar="ID_A", help="Id of a passage.")],
    second: Annotated[str, typer.Argument(metavar="ID_B", help="Id of another one.")],
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Say why one of two passages of INDEX stands above the other for QUERY: ranks, scores, and the blend's features.

    Example: tamis explain pydocs "sort a list" builtins.sorted builtins.list.sort
    """
    settings = load_config(config)
    from tamis.rankers.compare import compare
    from tamis.rankers.engine import Engine

    with Engine.open(index, settings.pipeline) as engine:
        found = compare(engine, query, (first, second))
    if as_json:
        print_json({**asdict(found), "differences": found.differences, "words": list(found.words())})
        return
    for line in found.words():
        stdout.print(line, markup=False, highlight=False, soft_wrap=True)
