"""`tamis features`: what the blend can see of a candidate."""

from __future__ import annotations

from typing import Annotated

import typer

from .options import AsJson
from .output import print_json, stdout

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
