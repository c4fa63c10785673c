"""The command line: joins the sub-commands, and turns our errors into messages and exit codes."""

from __future__ import annotations

import sys

import typer

from tamis.errors import TamisError

from . import config, doctor, evaluate, explain, features, index, keys, mcp, model, prune, search, serve, train, tune, verify
from .output import say

app = typer.Typer(
    name="tamis",
    help="Two-stage neural retrieval: what you evaluate is what you serve.",
    epilog="A first index: `tamis index build pydocs --out pydocs`, then `tamis search pydocs 'sort a list'`.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(index.app, name="index")
app.add_typer(model.app, name="model")
app.add_typer(config.app, name="config")
app.add_typer(evaluate.app, name="eval")
app.add_typer(features.app, name="features")
app.add_typer(train.app, name="train")
app.add_typer(prune.app, name="prune")
app.add_typer(keys.app, name="keys")
app.command("doctor")(doctor.doctor)
app.command("search")(search.search)
app.command("explain")(explain.explain)
app.command("serve")(serve.serve)
app.command("mcp")(mcp.mcp)
app.command("tune")(tune.tune)
app.command("verify")(verify.verify)


def main() -> None:
    """Run the command line; our own errors become one message and their exit code."""
    try:
        app()
    except TamisError as error:
        say(f"error: {error}")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        say("interrupted")
        sys.exit(130)
