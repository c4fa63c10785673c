"""`tamis keys`: API keys of the service."""

from __future__ import annotations

from typing import Annotated

import typer

from .output import say, stdout

app = typer.Typer(no_args_is_help=True, help="API keys of the service.")


@app.callback()
def _group() -> None:
    """API keys of the service."""


@app.command("new")
def new(
    name: Annotated[str, typer.Argument(help="Who the key is for; it stands in the log.")],
    admin: Annotated[bool, typer.Option("--admin", help="It may administer too, not search alone.")] = False,
) -> None:
    """Make a key: the line for the key file goes to stdout, the key itself to stderr, once.

    Example: tamis keys new ci >> keys.txt
    """
    from tamis.errors import InvalidInput
    from tamis.service.keys import NAME, hash_key, new_key

    if not NAME.fullmatch(name):
        raise InvalidInput(f"{name!r} cannot name a key: expected 1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-'")
    key = new_key()
    stdout.print(f"{name} {'search,admin' if admin else 'search'} {hash_key(key).hex()}", highlight=False, soft_wrap=True)
    say(f"the key, which is shown this once: {key}")
