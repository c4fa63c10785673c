"""Trains IBM Model 1 for a forward index from queries and passages that answer them.

Brown et al. 1993, "The Mathematics of Statistical Machine Translation", model 1; as a feature of ranking: Berger and
Lafferty 1999, "Information Retrieval as Statistical Translation", and Boytsov and Kolter 2021, "Exploring Classical
and Neural Lexical Translation Models for Information Retrieval".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tamis.errors import InvalidInput
from tamis.files import whole

from ..progress import Report
from .compiled import compiled
from .forward import ForwardIndex
from .layout import TRANSLATIONS
from .tokens import Numbers
from .translation import TRANSLATION_FIELDS, Translation, TranslationField

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TranslationSettings:
    """How Model 1 is trained, and what of it is kept."""

    iterations: int = 5
    """Rounds of expectation maximisation."""
    least: float = 1e-3
    """Pairs with a lower probability are not kept."""
    sources: int = 1_000
    """Sources kept for a target: those that explain most of the training pairs."""
    pairs: int = 30_000
    """Training pairs that are used, evenly spaced over those given: memory holds about 40 KB for each."""


def train_translations(
    pairs: Iterable[tuple[str, int]],
    forward: ForwardIndex,
    folder: Path,
    progress: Report,
    settings: TranslationSettings | None = None,
) -> list[TranslationField]:
    """Train the tables of all fields and write them into the folder of the forward index.

    Args:
        pairs: text of a query, and row of a passage that answers it.
        forward: the open index.
        folder: where it lies; open it again to use the tables.
        progress: told how many of the four fields are done.
        settings: None: the defaults.

    Returns:
        The fields that have a table: without titles, that of titles is missing.

    Raises:
        InvalidInput: there are no pairs, or a row is not in the index.
    """
    tables = learn_translations(pairs, forward, progress, settings)
    with whole(folder / TRANSLATIONS) as temporary:
        Translation.write_all(tables, temporary)
    return list(tables)


def learn_translations(
    pairs: Iterable[tuple[str, int]],
    forward: ForwardIndex,
    progress: Report,
    settings: TranslationSettings | None = None,
) -> dict[TranslationField, Translation]:
    """Train the tables of all fields in memory; arguments, fields and errors are those of `train_translations`."""
    settings = settings or TranslationSettings()
    given = list(pairs)
    if not given:
        raise InvalidInput("there are no pairs of a query and a passage to train translations from; give at least one")
    if bad := next((row for _, row in given if not 0 <= row < forward.passages), None):
        raise InvalidInput(f"row {bad} is not in this index, which has rows 0 to {forward.passages - 1}")
    chosen = [given[place] for place in np.linspace(0, len(given) - 1, min(len(given), settings.pairs)).astype(int)]
    tables: dict[TranslationField, Translation] = {}
    for done, field in enumerate(TRANSLATION_FIELDS, 1):
        cells = _cells(chosen, forward, field)
        if len(cells.keys):
            tables[field] = _trained(cells, settings)
        progress(done)
    return tables


@dataclass(frozen=True, slots=True)
class _Cells:
    """What stands beside what: a bag for each query term of each pair, a cell for each distinct passage term in it."""

    width: int
    """Size of the vocabulary, which is also the number of the empty source; a key is target * (width + 1) + source."""
    keys: npt.NDArray[np.int64]
    """Distinct pairs of target and source, ascending."""
    places: npt.NDArray[np.int32]
    """Of each cell: its place in `keys`."""
    counts: npt.NDArray[np.float32]
    """Of each cell: times the source is in the passage."""
    ends: npt.NDArray[np.int64]
    """int64[bags + 1]: cells of each bag."""
    repeats: npt.NDArray[np.float32]
    """Of each bag: times the target is in the query."""


def _cells(pairs: list[tuple[str, int]], forward: ForwardIndex, field: TranslationField) -> _Cells:
    base = "unstemmed" if field == "title" else field
    width = len(forward.statistics[base].df)
    keys, counts, sizes, repeats = [], [], [0], []
    for text, row in pairs:
        numbers = forward.read_query(text)[base].numbers
        targets, times = np.unique(numbers[numbers >= 0], return_counts=True)
        tokens = passage_tokens(forward, field, row)
        if not len(targets) or not len(tokens):
            continue
        sources, within = np.unique(tokens, return_counts=True)
        sources, within = np.append(sources, width), np.append(within, 1)  # one empty source beside each passage
        keys.append((targets[:, None].astype(np.int64) * (width + 1) + sources).ravel())
        counts.append(np.tile(within.astype(np.float32), len(targets)))
        sizes += [len(sources)] * len(targets)
        repeats.append(times.astype(np.float32))
    if not keys:
        empty = np.empty(0)
        return _Cells(width, empty.astype(np.int64), empty.astype(np.int32), empty.astype(np.float32),
                      np.zeros(1, np.int64), empty.astype(np.float32))  # fmt: skip
    distinct, places = np.unique(np.concatenate(keys), return_inverse=True)
    return _Cells(
        width, distinct, places.astype(np.int32), np.concatenate(counts), np.cumsum(sizes), np.concatenate(repeats)
    )


def passage_tokens(forward: ForwardIndex, field: TranslationField, row: int) -> Numbers:
    """Return the tokens of a passage in a field, int32[length]."""
    if field == "wordpiece":
        return forward.pieces.of(row)
    words = forward.words.of(row)
    if field == "title":
        return words[: forward.words.title_length(row)]
    if field == "unstemmed":
        return words
    terms = forward.terms_of_words[words]
    return terms[terms >= 0]


def _trained(cells: _Cells, settings: TranslationSettings) -> Translation:
    targets, sources = np.divmod(cells.keys, cells.width + 1)
    probabilities = np.full(len(cells.keys), 1.0 / max(1, len(np.unique(targets))))
    expected = np.zeros(len(cells.keys))
    for _ in range(settings.iterations):
        expected = _expect(cells.places, cells.counts, cells.ends, cells.repeats, probabilities)
        totals = np.bincount(sources, expected, minlength=cells.width + 1)
        probabilities = expected / totals[sources]
    kept = np.flatnonzero((probabilities >= settings.least) & (sources < cells.width))
    order = kept[np.lexsort((sources[kept], -expected[kept], targets[kept]))]
    first = np.searchsorted(targets[order], targets[order])  # place of each target's first pair
    order = np.sort(order[np.arange(len(order)) - first < settings.sources])  # back to target, then source
    present, ends = np.unique(targets[order], return_index=True)
    return Translation(
        present.astype(np.int32),
        np.append(ends, len(order)).astype(np.int64),
        sources[order].astype(np.int32),
        probabilities[order].astype(np.float32),
    )


@compiled
def _expect(
    places: npt.NDArray[np.int32],
    counts: npt.NDArray[np.float32],
    ends: npt.NDArray[np.int64],
    repeats: npt.NDArray[np.float32],
    probabilities: Doubles,
) -> Doubles:
    """Share each query term out among the words of its passage, by their probabilities so far."""
    expected = np.zeros(len(probabilities))
    for bag in range(len(repeats)):
        total = 0.0
        for cell in range(ends[bag], ends[bag + 1]):
            total += counts[cell] * probabilities[places[cell]]
        if total > 0:
            for cell in range(ends[bag], ends[bag + 1]):
                expected[places[cell]] += repeats[bag] * counts[cell] * probabilities[places[cell]] / total
    return expected
