"""Which queries are tuned on, which choose, which confirm: no query does two of these."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from tamis.errors import InvalidInput

from ..judged import Judged

FEWEST_TRAINING = 40
"""Training queries below which a choice between settings is chance."""

FEWEST_HELD_OUT = 20
"""Held-out queries below which no difference of a usual size could be confirmed."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The queries of a tuning, divided."""

    training: Judged
    is_fit: npt.NDArray[np.bool_]
    """bool[training queries]: True: the search sees its worth; False: it chooses among what was found."""
    held_out: Judged
    notes: tuple[str, ...]


def divide(training: Judged, held_out: Judged | None, limit: int, seed: int) -> Parts:
    """Divide queries at random, by a seed.

    Two thirds of the training queries are fitted, one third chooses. Without a held-out split a
    third of the training queries is set aside for that before.

    Args:
        training: the split that may be tuned on.
        held_out: the split that confirms; None: a third of `training`.
        limit: most queries taken from either.
        seed: of the random order.

    Raises:
        InvalidInput: both are the same split, or too few queries are left.
    """
    if held_out and held_out.fingerprint == training.fingerprint:
        raise InvalidInput(
            f"{training.name}/{training.split} and {held_out.name}/{held_out.split} hold the same queries and "
            "judgments; what was tuned on them cannot be confirmed on them: name another split, or none"
        )
    notes = list(dict.fromkeys([*training.warnings, *(held_out.warnings if held_out else ())]))
    order = np.random.default_rng(seed)
    if held_out:
        training = _without_shared(training, held_out, notes)
        held_out = _sample(held_out, limit, order, notes)
    else:
        places = order.permutation(len(training.queries))
        share = len(places) // 3
        training, held_out = _subset(training, places[share:]), _subset(training, places[:share])
        held_out = _sample(held_out, limit, order, notes)
        notes.append(f"no split to confirm on was named: a third of {training.split!r} was set aside for it")
    training = _sample(training, limit, order, notes)
    _check(training, FEWEST_TRAINING, "tuning")
    _check(held_out, FEWEST_HELD_OUT, "confirming")
    is_fit = np.ones(len(training.queries), np.bool_)
    is_fit[order.permutation(len(is_fit))[: len(is_fit) // 3]] = False
    return Parts(training, is_fit, held_out, tuple(notes))


def _without_shared(training: Judged, held_out: Judged, notes: list[str]) -> Judged:
    """Leave out training queries that the held-out split asks too, under whatever id."""
    texts = {" ".join(query.text.lower().split()) for query in held_out.queries}
    own = [place for place, query in enumerate(training.queries) if " ".join(query.text.lower().split()) not in texts]
    if shared := len(training.queries) - len(own):
        notes.append(f"{shared} training queries are also in {held_out.split!r}; they were left out of the training")
    return _subset(training, np.array(own, np.intp))


def _sample(judged: Judged, limit: int, order: np.random.Generator, notes: list[str]) -> Judged:
    if len(judged.queries) <= limit:
        return judged
    notes.append(f"{limit:,} of the {len(judged.queries):,} queries of {judged.split!r} were drawn (--queries)")
    return _subset(judged, order.choice(len(judged.queries), limit, replace=False))


def _subset(judged: Judged, places: npt.NDArray[np.intp]) -> Judged:
    queries = tuple(judged.queries[place] for place in np.sort(places))
    return replace(judged, queries=queries, qrels={query.id: judged.qrels[query.id] for query in queries})


def _check(judged: Judged, fewest: int, purpose: str) -> None:
    if len(judged.queries) < fewest:
        raise InvalidInput(
            f"{judged.name}/{judged.split} leaves {len(judged.queries)} queries for {purpose}, which needs {fewest} or "
            "more; judge more queries, or name a larger split"
        )
