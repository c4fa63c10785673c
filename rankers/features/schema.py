"""The schema: every feature by name, with formula, source and unit; its order is the order of columns.

Symbols, of one field: q ranges over the query's tokens (repeated ones repeated), tf = times q is in the passage,
dl = tokens of the passage, N = passages with the field, C = tokens of the collection, df = passages with q, cf = times
q is in the collection, avgdl = C / N, P = (cf + 1) / (C + 1), w = max(0, ln(N / df)); ln is natural, log2 in bits.
A feature that is not defined (a ratio to 0, a query or a passage without tokens, a stage that did not find the
passage) is NaN, never infinite.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from tamis.indexer.forward.layout import FIELDS
from tamis.indexer.forward.translation import TRANSLATION_FIELDS
from tamis.models.digest import sha256_json

Group = Literal["term match", "rarity", "proximity", "pairs", "lengths", "query", "translation", "title", "sparse",
                "dense", "feedback", "quality"]  # fmt: skip

PYSERINI = "Pyserini's feature set (Anserini 0.14, io.anserini.ltr)"


@dataclass(frozen=True, slots=True)
class Feature:
    """One column of the features."""

    name: str
    group: Group
    """Under which explanations add it up."""
    field: str
    """What is read: `analysed`, `unstemmed`, `wordpiece`, `title`; empty where it is no text."""
    formula: str
    source: str
    unit: str
    classic: bool
    """One of the 253 of the blending paper (Nardini et al. 2025)."""

    @property
    def portable(self) -> bool:
        """Says the same in every index: no encoder's cosines, no absolute score or length, no tables of one index."""
        return self.name not in _OWN and self.group != "translation"


_POOLERS = (
    ("sum", "sum over q", None),
    ("mean", "mean over q", None),
    ("median", "median over q", None),
    ("max", "maximum over q", None),
    ("min", "minimum over q", None),
    ("max_min_ratio", "maximum / minimum over q", "ratio"),
)

_STATISTICS: tuple[tuple[str, Group, str, str, str], ...] = (
    ("bm25", "term match", "ln(1 + (N - df + .5) / (df + .5)) tf / (tf + k1 (1 - b + b dl / avgdl)), k1 2, b .75",
     "Robertson et al. 1994, as in Lucene", "nats"),
    ("lm_dirichlet", "term match", "ln((tf + mu P) / (dl + mu)), mu 1000, q in the collection",
     "Zhai and Lafferty 2001", "nats"),
    ("dfr_gl2", "term match",
     "(log2(1 + r) + n log2((1 + r) / r)) / (1 + n), r = (cf + 1) / (N + cf + 1), n = tf log2(1 + avgdl / dl), tf > 0",
     "Amati and van Rijsbergen 2002 (G, L, H2), as in Lucene", "bits"),
    ("dfr_inexpb2", "term match",
     "log2((N + 1) / (e + .5)) (cf + 2) / (df + 1) n / (1 + n), e = N (1 - (1 - 1/N)^cf), n as in dfr_gl2, tf > 0",
     "Amati and van Rijsbergen 2002 (I(ne), B, H2), as in Lucene", "bits"),
    ("dph", "term match", "(1 - s)^2 / (tf + 1) (tf log2(s C / cf) + .5 log2(2 pi tf (1 - s))), s = tf / dl, tf > 0",
     "Amati et al. 2008 (TREC 2007 blog track)", "bits"),
    ("tf", "term match", "tf", PYSERINI, "count"),
    ("tf_idf", "term match", "(1 + ln tf) ln(N / df), 0 where tf = 0", "Salton and Buckley 1988", "nats"),
    ("normalised_tf", "term match", "ln(dl / tf), tf taken as .5 where it is 0", PYSERINI, "nats"),
    ("idf", "rarity", "ln(N / (df + 1))", "Sparck Jones 1972", "nats"),
    ("ictf", "rarity", "ln(C / (cf + 1))", "Kwok 1996; Carmel and Yom-Tov 2010", "nats"),
)  # fmt: skip

_SATURATED = "S(x) = (k1 + 1) x / (x + K), K = k1 (1 - b + b dl / avgdl), k1 .9, b .4"

_SINGLE: tuple[tuple[str, Group, str, str, str], ...] = (
    ("normalised_tf_idf", "term match", "sum over q with tf > 0 of ln(1 + N / df) (1 + ln tf) / dl", PYSERINI, "nats"),
    ("probability_sum", "term match", "sum over q of tf / dl", PYSERINI, "ratio"),
    ("proximity", "proximity",
     "sum of w S(tf) of both terms over neighbouring occurrences of different query terms, at most 8 positions apart; "
     f"{_SATURATED}",
     PYSERINI, "nats"),
    ("tp_score", "proximity",
     "sum over q of w S(tf), plus sum over distinct q of min(1, w) S(acc); acc = sum of w' / distance^2 over the "
     f"occurrences of other query terms (weight w') next to those of q; {_SATURATED}",
     "Buettcher, Clarke and Lushman 2006", "nats"),
    ("tp_dist", "proximity",
     "sum over neighbours q1 q2 of the query of .4 S(o) + .4 S(u); u = sum of w1 w2 ((min(1, w1) + min(1, w2)) / d)^2 "
     "over disjoint spans, d <= 100 tokens with both ends, from an occurrence of one to the next of the other; o = the "
     f"same over q1 q2 side by side; {_SATURATED}",
     f"{PYSERINI}; there the order of the query's terms is confused with their frequency", "nats"),
    ("doc_size", "lengths", "dl", PYSERINI, "tokens"),
    ("query_length", "query", "number of q", PYSERINI, "tokens"),
    ("coverage", "term match", "share of q with tf > 0", PYSERINI, "ratio"),
    ("unique_terms", "query", "number of distinct q", PYSERINI, "count"),
    ("matching_terms", "term match", "number of q with tf > 0", PYSERINI, "count"),
    ("clarity", "query",
     "sum over distinct q in the collection of p ln(p C / cf), p = share of q among the query's tokens",
     "He and Ounis 2004 (simplified clarity score)", "nats"),
)  # fmt: skip

_PAIRS = (
    ("unordered_bigrams", "of neighbours q1 q2 of the query, in either order"),
    ("ordered_bigrams", "of neighbours q1 q2 of the query, q1 first"),
    ("unordered_pairs", "of any two tokens q1 .. q2 of the query, in either order"),
    ("ordered_pairs", "of any two tokens q1 .. q2 of the query, q1 first"),
)
_GAPS = (3, 8, 15)


def _field(field: str) -> Iterator[Feature]:
    for name, group, formula, source, unit in _STATISTICS:
        for pooler, words, own_unit in _POOLERS:
            yield Feature(
                f"{field}.{name}.{pooler}", group, field, f"{words} of {formula}", source, own_unit or unit, True
            )
    yield Feature(
        f"{field}.lm_jelinek", "term match", field, "sum over q with tf > 0 of ln(1 + .9 tf / (.1 dl P))",
        "Zhai and Lafferty 2001, as in Lucene", "nats", False,
    )  # fmt: skip
    for name, group, formula, source, unit in _SINGLE:
        yield Feature(f"{field}.{name}", group, field, formula, source, unit, True)
    for name, words in _PAIRS:
        for gap in _GAPS:
            formula = f"number of pairs of occurrences {words}, at most {gap} positions apart"
            source = f"Metzler and Croft 2005, in {PYSERINI}"
            yield Feature(f"{field}.{name}.{gap}", "pairs", field, formula, source, "count", True)


def _translations() -> Iterator[Feature]:
    for field in TRANSLATION_FIELDS:
        yield Feature(
            f"{field}.model1", "translation", field,
            "sum over q in the collection of ln(1 + .9 p / (.1 cf / C)), p = mean over the passage's tokens v of "
            ".95 t(q|v) + .05 [q = v]; NaN where no table was trained",
            "Berger and Lafferty 1999; Boytsov and Kolter 2021", "nats", True,
        )  # fmt: skip


def _others() -> Iterator[Feature]:
    own, rocchio = "Tamis", "Rocchio 1971, with the best hits taken for relevant"
    table: tuple[tuple[str, Group, str, str, str], ...] = (
        ("title.length", "lengths", "title", "words of the title; NaN without one", "tokens"),
        ("title.coverage", "title", "title", "share of the analysed q that are in the title; NaN without one", "ratio"),
        ("title.weight", "title", "title",
         "sum of w over the analysed q in the title / sum over all of them; NaN without a title", "ratio"),
        ("query.known", "query", "unstemmed", "share of q that are in the collection", "ratio"),
        ("sparse.score", "sparse", "", "BM25 of the word index", "nats"),
        ("sparse.reciprocal_rank", "sparse", "", "1 / rank among the word index's hits", "ratio"),
        ("sparse.of_best", "sparse", "", "score / best score of the candidates", "ratio"),
        ("dense.score", "dense", "", "inner product of the query's and the passage's vector", "cosine"),
        ("dense.reciprocal_rank", "dense", "", "1 / rank among the vector index's hits", "ratio"),
        ("dense.below_best", "dense", "", "best score of the candidates - score", "cosine"),
        ("feedback.3", "feedback", "",
         "cosine of the passage's vector and the sum of those of the 3 best of the fusion, itself left out", "cosine"),
        ("feedback.10", "feedback", "",
         "cosine of the passage's vector and the sum of those of the 10 best of the fusion, itself left out", "cosine"),
        ("passage.quality", "quality", "", "score of the quality model; NaN where the index has none", "score"),
        *((f"{name}.relative", group, field,
           f"(x - mean of x) / standard deviation of x, x = {name} over the candidates that have it; 0 where all are "
           "alike", "deviations") for name, group, field in RELATIVE),
    )  # fmt: skip
    for name, group, field, formula, unit in table:
        yield Feature(name, group, field, formula, rocchio if group == "feedback" else own, unit, False)


RELATIVE: tuple[tuple[str, Group, str], ...] = (
    ("sparse.score", "sparse", ""),
    ("dense.score", "dense", ""),
    ("feedback.3", "feedback", ""),
    ("feedback.10", "feedback", ""),
    ("wordpiece.doc_size", "lengths", "wordpiece"),
    ("analysed.bm25.sum", "term match", "analysed"),
)
"""Features that are there once more in a form that means the same in every index; group and field."""

_OWN = frozenset(
    ("sparse.score", "dense.score", "dense.below_best", "feedback.3", "feedback.10", "passage.quality", "title.length",
     *(f"{field}.doc_size" for field in FIELDS))
)  # fmt: skip

SCHEMA: tuple[Feature, ...] = (*(each for field in FIELDS for each in _field(field)), *_translations(), *_others())
"""All features, in the order of columns: 253 of the literature and what Tamis adds."""

PLACES: dict[str, int] = {feature.name: place for place, feature in enumerate(SCHEMA)}


def schema_hash(features: Sequence[Feature] = SCHEMA) -> str:
    """Hash names, definitions and order of features: a model trained on one schema refuses another."""
    return sha256_json([asdict(feature) for feature in features])
