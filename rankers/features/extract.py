"""FeatureExtractor: all features of all candidates of a query, at once; the same object trains and serves."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from tamis.errors import InvalidInput
from tamis.indexer.forward.forward import ForwardIndex
from tamis.indexer.forward.layout import FIELDS, Field
from tamis.indexer.forward.tokens import Numbers
from tamis.indexer.forward.translation import TRANSLATION_FIELDS

from ..ranking import Candidates, Rows
from .proximity import GAPS, PAIRS, proximity_features
from .query import QueryField
from .reading import NO_NUMBERS, Found, occurrences, passage_lengths
from .relative import relative
from .schema import PLACES, RELATIVE, SCHEMA, Feature
from .stages import dense_features, feedback_features, sparse_features
from .terms import POOLED, VARYING, term_features
from .title import title_features
from .translations import translation_features

Features = npt.NDArray[np.float32]
"""One row a candidate, one column a feature: float32[n, features]."""

Vectors = Callable[[Rows], npt.NDArray[np.float32]]
"""Gives the vectors of passages, each of length 1: float32[n, dimension]."""

_TERMS = (VARYING + 2) * POOLED + 1
_FIELD = _TERMS + PAIRS + 4 * len(GAPS)
"""Columns of one field."""
_SOURCES = [PLACES[name] for name, _, _ in RELATIVE]
_RELATIVE = [PLACES[f"{name}.relative"] for name, _, _ in RELATIVE]


class FeatureExtractor:
    """Computes features over one forward index; safe to use from several threads.

    The work of a query is done on the calling thread, without the GIL.
    """

    def __init__(
        self,
        forward: ForwardIndex,
        quality: npt.NDArray[np.float32] | None = None,
        names: Sequence[str] | None = None,
        vectors: Vectors | None = None,
    ) -> None:
        """Prepare for an index.

        Args:
            forward: the open forward index.
            quality: score of each passage: float32[passages]; None: the index has none.
            names: the features wanted, in this order; None: all, in the order of the schema.
            vectors: of passages; None: the features that need them are NaN.

        Raises:
            InvalidInput: a name is not in the schema, or the qualities are not one a passage.
        """
        if unknown := [name for name in names or () if name not in PLACES]:
            raise InvalidInput(f"no feature is called {unknown[0]!r}; `tamis features list` names them all")
        if quality is not None and len(quality) != forward.passages:
            raise InvalidInput(f"{len(quality)} quality scores were given for {forward.passages} passages")
        self.schema: tuple[Feature, ...] = SCHEMA if names is None else tuple(SCHEMA[PLACES[name]] for name in names)
        """The columns of what `extract` returns."""
        self._columns = None if names is None else np.array([PLACES[name] for name in names], np.intp)
        self._forward = forward
        self._quality = quality
        wanted = {feature.name for feature in self.schema}
        self._translated = [
            field for field in TRANSLATION_FIELDS if f"{field}.model1" in wanted and field in forward.translations
        ]
        wanted -= {f"{field}.model1" for field in TRANSLATION_FIELDS}
        self._vectors = vectors if any(name.startswith("feedback.") for name in wanted) else None
        self._relative = any(name.endswith(".relative") for name in wanted)
        read = {name.removesuffix(".relative") for name in wanted}
        self._wanted = {
            field: np.array([SCHEMA[place].name in read for place in range(start, start + _FIELD)])
            for field in FIELDS
            for start in [PLACES[f"{field}.bm25.sum"]]
        }
        """Which of a field's columns are read."""
        self._fields = [field for field in FIELDS if self._wanted[field].any()]

    def warm_up(self) -> None:
        """Compile, or load, all machine code: up to half a minute where it was never compiled before."""
        if self._forward.passages:
            self.extract("warm up", Candidates(np.zeros(1, np.int32), np.zeros(1, np.float32)))

    def extract(self, query_text: str, candidates: Candidates) -> Features:
        """Compute the features of a query's candidates.

        Returns:
            float32[candidates, features], never infinite; NaN where a feature is not defined.

        Raises:
            InvalidInput: a candidate's row is not in the forward index.
        """
        out = np.full((len(candidates), len(SCHEMA)), np.nan, np.float32)
        if len(candidates):
            rows = np.array(candidates.rows, np.int32)
            self._read(query_text, rows, out)
            sparse_features(candidates, out[:, PLACES["sparse.score"] :])
            dense_features(candidates, out[:, PLACES["dense.score"] :])
            if self._vectors is not None:
                feedback_features(candidates, self._vectors(rows), out[:, PLACES["feedback.3"] :])
            if self._quality is not None:
                out[:, PLACES["passage.quality"]] = self._quality[rows]
            if self._relative:
                out[:, _RELATIVE] = relative(out[:, _SOURCES])
        return out if self._columns is None else np.ascontiguousarray(out[:, self._columns])

    def _read(self, query_text: str, rows: Rows, out: Features) -> None:
        """Write the features of text."""
        forward = self._forward
        lengths = dict(
            zip(
                FIELDS,
                passage_lengths(rows, forward.term_lengths, forward.words.ends, forward.pieces.ends),
                strict=True,
            )
        )
        if lengths["analysed"].min() < 0:
            raise InvalidInput(
                f"candidates have rows {rows.min()} to {rows.max()}, the forward index has 0 to "
                f"{forward.passages - 1}; open the one of the same index"
            )
        tokens = forward.read_query(query_text)
        query = {field: QueryField.of(tokens[field], forward.statistics[field]) for field in FIELDS}
        found = self._find(query, rows)
        for field in self._fields:
            _lexical(field, query[field], found[field], lengths[field], self._wanted[field], out)
        for translated, scores in translation_features(forward, self._translated, query, rows, lengths).items():
            out[:, PLACES[f"{translated}.model1"]] = scores
        titles = forward.words.titles
        if len(titles):
            start = PLACES["title.length"]
            lengths_of_titles = titles[rows].astype(np.int32)
            out[:, start : start + 3] = title_features(lengths_of_titles, query["analysed"], found["analysed"])
        if words := len(query["unstemmed"].slots):
            out[:, PLACES["query.known"]] = query["unstemmed"].known / words

    def _find(self, query: dict[Field, QueryField], rows: Rows) -> dict[Field, Found]:
        """Read the passages' words once for two fields, and the encoder's tokens for the third."""
        forward = self._forward
        members, ends, words, pieces = forward.words_of_terms, forward.word_ends, forward.words, forward.pieces
        asked, terms = query["unstemmed"].numbers, query["analysed"].numbers
        plain, analysed = occurrences(rows, words.ends, words.low, words.high, asked, terms, members, ends)
        asked = query["wordpiece"].numbers
        encoded, _ = occurrences(rows, pieces.ends, pieces.low, pieces.high, asked, NO_NUMBERS, members, ends)
        return {"analysed": analysed, "unstemmed": plain, "wordpiece": encoded}


def _lexical(
    field: Field, query: QueryField, found: Found, lengths: Numbers, wanted: npt.NDArray[np.bool_], out: Features
) -> None:
    """Write what is wanted of one field, and what comes with it, but the translations."""
    ends, positions, slots = found
    counts = (query.slots, query.df, query.cf, query.documents, query.tokens)
    start = PLACES[f"{field}.bm25.sum"]
    term_features(ends, slots, lengths, *counts, wanted[:_TERMS], out[:, start:])
    proximity_features(ends, positions, slots, lengths, *counts, wanted[_TERMS:], out[:, start + _TERMS :])
