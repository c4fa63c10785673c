"""`tamis search`: one query, on the terminal."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from tamis.config import load_config
from tamis.rankers.hits import SearchResult, StageScore

from .options import AsJson, ConfigFile, IndexPath
from .output import print_json, stdout


def search(
    index: IndexPath,
    query: Annotated[str, typer.Argument(help="What to look for.")],
    k: Annotated[int, typer.Option("--k", "-k", help="How many hits.")] = 10,
    explain: Annotated[bool, typer.Option("--explain", help="Show each stage's rank and score of every hit.")] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Search INDEX for QUERY.

    Example: tamis search pydocs "how do I sort a list" -k 5 --explain
    """
    settings = load_config(config)
    from tamis.rankers.engine import Engine

    with Engine.open(index, settings.pipeline) as engine:
        result = engine.search(query, k, explain=explain)
    if as_json:
        print_json(asdict(result))
    elif explain:
        _explain(result)
    else:
        show_hits(result)


def show_hits(result: SearchResult) -> None:
    """Print hits for a person: title, and the beginning of the text."""
    for hit in result.hits:
        head = Text(f"{hit.rank:>3}  ", style="bold")
        head.append(hit.title or hit.id, style="bold cyan")
        head.append(f"  {hit.score:.4f}  {hit.id}", style="dim")
        stdout.print(head, soft_wrap=True)
        stdout.print(Text("     " + _beginning(hit.text)), soft_wrap=True)
    stdout.print(Text(f"{len(result.hits)} hits in {result.took_ms:.1f} ms", style="dim"))


def _explain(result: SearchResult) -> None:
    stages = list(result.hits[0].stages) if result.hits else []
    table = Table("rank", "score", *[f"{stage}\nrank / score" for stage in stages], "passage")
    for hit in result.hits:
        cells = [_stage(hit.stages[stage]) for stage in stages]
        passage = Text(hit.id, style="cyan").append("\n" + _beginning(hit.title or hit.text, 90), style="default")
        if hit.explain is not None:
            parts = ", ".join(f"{group} {added:+.2f}" for group, added in hit.explain.items())
            passage.append(f"\nblend: {parts}", style="dim")
        table.add_row(str(hit.rank), f"{hit.score:.5f}", *cells, passage)
    stdout.print(table)
    timings = ", ".join(f"{name} {ms:.1f} ms" for name, ms in result.timings_ms.items())
    stdout.print(Text(f"took {result.took_ms:.1f} ms: {timings}", style="dim"))
    if result.cold is not None:
        stdout.print(Text(f"cold tier {'asked' if result.cold.asked else 'not asked'}: {result.cold.reason}", style="dim"))


def _stage(found: StageScore | None) -> str:
    return "not found" if found is None else f"{found.rank} / {found.score:.4f}"


def _beginning(text: str, length: int = 160) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= length else flat[: length - 1] + "…"
