"""Names of the indexes that a command is given: FOLDER or NAME=FOLDER, and URLs where services will do."""

from __future__ import annotations

from pathlib import Path

from tamis.errors import InvalidInput


def is_url(where: str) -> bool:
    """Say whether an index is behind a service."""
    return where.startswith(("http://", "https://"))


def named(given: list[str], name: str | None = None) -> dict[str, str]:
    """Settle under which name each folder or URL is known.

    Args:
        given: each WHERE or NAME=WHERE.
        name: of the only one.

    Raises:
        InvalidInput: two have one name, a name cannot be registered, or `name` does not fit several.
    """
    from tamis.service.indexes import check_name, index_name

    if name is not None and len(given) != 1:
        raise InvalidInput(f"--name names one index, and {len(given)} are given; write NAME=FOLDER for each")
    found: dict[str, str] = {}
    for one in given:
        before, equals, after = one.partition("=")
        has_name = bool(equals) and not is_url(one) and not Path(one).exists()
        where = after if has_name else one
        if name or has_name:
            called = check_name(name or before)
        else:
            called = "service" if is_url(where) else index_name(Path(where))
        if called in found:
            raise InvalidInput(f"two indexes would be called {called!r}: write NAME=FOLDER for one of them")
        found[called] = where
    return found
