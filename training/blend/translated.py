"""Translations for a blend: tables from its own judgments, and for each query tables that never saw it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tamis.eval.judged import Judged
from tamis.indexer.forward.forward import ForwardIndex
from tamis.indexer.forward.train_translation import TranslationSettings, learn_translations
from tamis.indexer.forward.translation import Translation, TranslationField
from tamis.rankers.ranking import Query

from .folds import Folds
from .logged import relevant_of

Tables = Mapping[TranslationField, Translation]


@dataclass(frozen=True, slots=True)
class Translated:
    """The forward index with tables."""

    everything: ForwardIndex
    """With tables of all queries: what serves."""
    apart: Mapping[int, ForwardIndex]
    """By fold: with tables of the other folds, for the features of this fold's queries."""


def translated(
    forward: ForwardIndex,
    judged: Judged,
    queries: Sequence[Query],
    parts: Folds,
    row_of: Callable[[str], int | None],
    most: int,
    report: Callable[[int], None],
) -> Translated | None:
    """Train IBM Model 1 on queries and their relevant passages, on all and on all but each fold.

    A table that learned from a query knows its answer: features by it would promise more than they hold for new ones.

    Args:
        forward: of the index.
        judged: queries and judgments.
        queries: of them, that the blend learns from.
        parts: which queries are held out together.
        row_of: number of a passage; None: it is not in the index.
        most: pairs of a query and a passage that are used.
        report: told how many of the tables are done.

    Returns:
        None where a fold would be left without pairs.
    """
    pairs = [
        (number, query.text, row)
        for number, query in enumerate(queries)
        for id_ in sorted(relevant_of(judged, query))
        if (row := row_of(id_)) is not None
    ]
    settings = TranslationSettings(pairs=most)
    done = 0

    def learn(held_out: int | None) -> ForwardIndex | None:
        nonlocal done
        given = [(text, row) for number, text, row in pairs if parts.of[number] != held_out]
        if not given:
            return None
        tables = learn_translations(given, forward, lambda count: None, settings)
        done += 1
        report(done)
        return replace(forward, translations=tables)

    apart = {int(fold): learn(int(fold)) for fold in np.unique(parts.of)}
    known = {fold: each for fold, each in apart.items() if each is not None}
    everything = learn(None)
    return None if everything is None or len(known) < len(apart) else Translated(everything, known)
