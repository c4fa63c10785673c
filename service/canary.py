"""Canary: a question that an index must have an answer to."""

from __future__ import annotations

from tamis.rankers.engine import Engine


def canary(engine: Engine) -> str | None:
    """Search for the beginning of the first passage through every pipeline; return what is wrong, None if nothing."""
    first = engine.index.passages.take([0])[0]
    for name in engine.configs:
        if not engine.search(first.contents[:100], 1, name).hits:
            return f"a search for its first passage through pipeline {name!r} found nothing"
    return None
