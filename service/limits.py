"""Limits of a request, checked before any work is done."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from tamis.errors import InvalidInput, NotFound
from tamis.indexer.filters import Filter
from tamis.rankers.engine import Engine
from tamis.rankers.hits import SearchResult

from .config import ServiceConfig
from .errors import RequestError

FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters but tab and newline, and halves of surrogate pairs, which are no text."""


def check_query(text: str, config: ServiceConfig) -> None:
    """Refuse a query that is empty, too long or no text.

    Raises:
        RequestError: 400, naming the limit.
    """
    if not text.strip():
        raise RequestError(400, "empty_query", "'query' is empty; send the text to look for", "query")
    if len(text) > config.max_query_chars:
        message = f"'query' has {len(text):,} characters, at most {config.max_query_chars:,} are allowed; shorten it"
        raise RequestError(400, "query_too_long", message, "query")
    bad = FORBIDDEN.search(text)
    if bad:
        message = f"'query' holds U+{ord(bad[0]):04X} at character {bad.start()}; of control characters only "
        raise RequestError(400, "control_character", message + "tab and newline are allowed; remove it", "query")


def check_k(k: int, name: str, config: ServiceConfig) -> None:
    """Refuse a number of hits out of range; `name` is what the request calls it.

    Raises:
        RequestError: 400, naming the limits.
    """
    if not 1 <= k <= config.max_k:
        message = f"{name!r} must be from 1 to {config.max_k:,}, got {_short(k)}"
        raise RequestError(400, "out_of_range", message, name)


def check_pipeline(name: str | None, engine: Engine) -> None:
    """Refuse a pipeline that this index does not have.

    Raises:
        RequestError: 404, naming the nearest.
    """
    try:
        engine.named(name)
    except NotFound as error:
        raise RequestError(404, "unknown_pipeline", str(error), "pipeline") from None


def check_filter(asked: Filter | None, engine: Engine) -> None:
    """Refuse a filter that does not fit the columns of this index. It is evaluated: call it in a worker thread.

    Raises:
        RequestError: 400, naming the column or value.
    """
    if asked is not None:
        try:
            engine.selections.of(asked)  # it remembers
        except InvalidInput as error:
            raise RequestError(400, "invalid_filter", str(error), "filter") from None


def check_weights(weights: Mapping[str, float] | None, pipeline: str | None, engine: Engine) -> None:
    """Refuse weights of arms that do not fit a pipeline.

    Raises:
        RequestError: 400, naming the arms.
    """
    if weights is not None:
        try:
            engine.weighed(pipeline, weights)
        except InvalidInput as error:
            raise RequestError(400, "out_of_range", str(error), "weights") from None


def check_batch(items: Sequence[object], name: str, config: ServiceConfig) -> None:
    """Refuse a batch that is empty or too large.

    Raises:
        RequestError: 400, naming the limit.
    """
    if not 1 <= len(items) <= config.max_batch:
        message = f"{name!r} must have 1 to {config.max_batch:,} items, got {len(items):,}; send several requests"
        raise RequestError(400, "out_of_range", message, name)


MAX_IDS = 10_000
"""Ids that a request may exclude; the size of the body limits them too."""


def check_ids(ids: Sequence[str], name: str) -> None:
    """Refuse more ids than a ranking could be asked to leave out.

    Raises:
        RequestError: 400, naming the limit.
    """
    if len(ids) > MAX_IDS:
        raise RequestError(400, "out_of_range", f"{name!r} has {len(ids):,} ids, at most {MAX_IDS:,} are allowed", name)


def check_budget(ms: float | None, config: ServiceConfig) -> float | None:
    """Return a budget in seconds; None: there is none.

    Raises:
        RequestError: 400, naming the limits.
    """
    if ms is None:
        return None
    if not 1 <= ms <= config.max_budget_ms:
        message = f"'budget_ms' must be from 1 to {config.max_budget_ms:,}, got {ms:g}"
        raise RequestError(400, "out_of_range", message, "budget_ms")
    return ms / 1000


def check_required(stages: Sequence[str], result: SearchResult) -> None:
    """Refuse an answer for which a required stage did less than it should have.

    Raises:
        RequestError: 504, saying what it did instead.
    """
    for one in result.degraded:
        if one.stage in stages:
            message = f"stage {one.stage!r} is required and did less: {one.reason}, {one.action}"
            raise RequestError(504, "out_of_time", message, "require")


def _short(number: int) -> str:
    """Write a number that may have thousands of digits, which str() refuses."""
    return str(number) if abs(number) < 10**18 else "one far beyond that"
