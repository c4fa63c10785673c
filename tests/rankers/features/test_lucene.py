"""Term statistics against Lucene's own similarities and scikit-learn's TF-IDF, on real passages."""

from __future__ import annotations

import gzip
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pytest

from tamis.indexer.forward.forward import ForwardIndex
from tamis.indexer.sparse import jvm
from tamis.indexer.sparse.engine import choose_engine
from tamis.rankers.features.extract import FeatureExtractor
from tamis.rankers.features.query import QueryField
from tamis.rankers.ranking import Candidates

MakeForward = Callable[[list[tuple[str, str]]], Path]
Score = Callable[[int, int, int, int], float]
"""tf, length, df, cf to Lucene's score."""

needs_lucene = pytest.mark.skipif(choose_engine("auto") != "lucene", reason="the extra `lucene` is not installed")
pytestmark = [pytest.mark.data]

PASSAGES = 1_500
PACKAGE = "org.apache.lucene.search.similarities"


@pytest.fixture(scope="module")
def texts(data_folder: Path) -> list[str]:
    with gzip.open(data_folder / "msmarco-mini" / "corpus.jsonl.gz") as lines:
        return [orjson.loads(line)["text"] for _, line in zip(range(PASSAGES), lines, strict=False)]


@pytest.fixture(scope="module")
def queries(data_folder: Path) -> list[str]:
    with gzip.open(data_folder / "msmarco-mini" / "queries.jsonl.gz") as lines:
        return [orjson.loads(line)["text"] for _, line in zip(range(150), lines, strict=False)]


@pytest.fixture(scope="module")
def forward(texts: list[str], make_forward: MakeForward) -> ForwardIndex:
    return ForwardIndex.open(make_forward([("", text) for text in texts]))


@pytest.fixture(scope="module")
def exact_rows(forward: ForwardIndex) -> npt.NDArray[np.int32]:
    """Passages whose length Lucene keeps exactly in its one byte."""
    jvm.start()
    with jvm.LOCK:
        small = jvm.java("org.apache.lucene.util.SmallFloat")
        lengths = forward.term_lengths.tolist()
        exact = {n: int(small.byte4ToInt(small.intToByte4(n))) == n for n in set(lengths)}
    rows = np.array([row for row, length in enumerate(lengths) if exact[length]], np.int32)
    assert len(rows) > PASSAGES / 3
    return rows


def lucene(similarity: Any, forward: ForwardIndex) -> Score:
    """Ask a similarity for the score of one term in one passage."""
    statistics = forward.statistics["analysed"]
    collection = jvm.java("org.apache.lucene.search.CollectionStatistics")(
        "contents", PASSAGES, statistics.documents, statistics.tokens, int(statistics.df.sum())
    )
    term, bytes_ = jvm.java("org.apache.lucene.search.TermStatistics"), jvm.java("org.apache.lucene.util.BytesRef")
    small = jvm.java("org.apache.lucene.util.SmallFloat")

    def score(tf: int, length: int, df: int, cf: int) -> float:
        scorer = similarity.scorer(1.0, collection, term(bytes_(b"q"), df, cf))
        return float(scorer.score(float(tf), int(small.intToByte4(length))))

    return score


def named(name: str, *arguments: Any) -> Any:
    return jvm.java(f"{PACKAGE}.{name}")(*arguments)


def similarities() -> dict[str, tuple[Any, Callable[[float], float]]]:
    """Give each feature's similarity, and what a term's Lucene score lacks, from P(term | collection)."""
    spread = named("NormalizationH2", 1.0)
    return {
        "bm25.sum": (named("BM25Similarity", 2.0, 0.75), lambda chance: 0.0),
        "lm_dirichlet.sum": (named("LMDirichletSimilarity", 1000.0), math.log),  # constant within a query
        "lm_jelinek": (named("LMJelinekMercerSimilarity", 0.1), lambda chance: 0.0),
        "dfr_gl2.sum": (
            named("DFRSimilarity", named("BasicModelG"), named("AfterEffectL"), spread),
            lambda chance: 0.0,
        ),
        "dfr_inexpb2.sum": (
            named("DFRSimilarity", named("BasicModelIne"), named("AfterEffectB"), spread),
            lambda chance: 0.0,
        ),
    }


@needs_lucene
def test_single_terms_score_as_in_lucene(
    forward: ForwardIndex, queries: list[str], exact_rows: npt.NDArray[np.int32]
) -> None:
    """Every query word that is a term, in the passages that hold it."""
    extractor, compared = {}, dict.fromkeys(similarities(), 0)
    words = sorted({word for query in queries for word in query.split() if forward_number(forward, word) >= 0})
    with jvm.LOCK:
        for name, (similarity, lacking) in similarities().items():
            score = lucene(similarity, forward)
            extractor[name] = FeatureExtractor(forward, names=[f"analysed.{name}", "analysed.tf.sum"])
            for word in words[::7]:
                query = QueryField.of(forward.read_query(word)["analysed"], forward.statistics["analysed"])
                df, cf = int(query.df[0]), int(query.cf[0])
                found = extractor[name].extract(word, Candidates(exact_rows, np.zeros(len(exact_rows), np.float32)))
                for row in np.flatnonzero(found[:, 1])[:5]:
                    length = int(forward.term_lengths[exact_rows[row]])
                    wanted = score(int(found[row, 1]), length, df, cf)
                    chance = (cf + 1) / (forward.statistics["analysed"].tokens + 1)
                    if wanted > 0:  # Lucene turns a negative log likelihood into 0
                        assert found[row, 0] == pytest.approx(wanted + lacking(chance), rel=2e-5), (name, word)
                        compared[name] += 1
    assert min(compared.values()) > 100, compared


@needs_lucene
def test_queries_score_as_in_lucene(
    forward: ForwardIndex, queries: list[str], exact_rows: npt.NDArray[np.int32]
) -> None:
    """BM25 of whole queries, repeated words counted twice."""
    extractor = FeatureExtractor(forward, names=["analysed.bm25.sum"])
    rows = exact_rows[:40]
    statistics = forward.statistics["analysed"]
    with jvm.LOCK:
        score = lucene(named("BM25Similarity", 2.0, 0.75), forward)
        for query in [*queries[:10], f"{queries[0]} {queries[0]}"]:
            found = extractor.extract(query, Candidates(rows, np.zeros(len(rows), np.float32)))[:, 0]
            numbers = forward.read_query(query)["analysed"].numbers
            for row, value in zip(rows, found, strict=True):
                terms = forward.terms_of_words[forward.words.of(int(row))].tolist()
                length = sum(term >= 0 for term in terms)
                wanted = sum(
                    score(terms.count(q), length, int(statistics.df[q]), int(statistics.cf[q]))
                    for q in numbers
                    if q >= 0 and q in terms
                )
                assert value == pytest.approx(wanted, rel=2e-5, abs=1e-6)


def forward_number(forward: ForwardIndex, word: str) -> int:
    numbers = forward.read_query(word)["analysed"].numbers
    return int(numbers[0]) if len(numbers) == 1 else -1


def test_tf_idf_is_that_of_scikit_learn(forward: ForwardIndex, texts: list[str], queries: list[str]) -> None:
    text = pytest.importorskip("sklearn.feature_extraction.text")
    from tamis.indexer.sparse.analysis import analyzer_for

    vectorizer = text.TfidfVectorizer(analyzer=analyzer_for("en"), sublinear_tf=True, smooth_idf=False, norm=None)
    plain = text.TfidfVectorizer(analyzer=analyzer_for("en"), sublinear_tf=True, use_idf=False, norm=None)
    matrix, tf = vectorizer.fit_transform(texts), plain.fit_transform(texts)
    rows = np.arange(0, PASSAGES, 10, dtype=np.int32)
    extractor = FeatureExtractor(forward, names=["analysed.tf_idf.sum"])
    for query in queries[:20]:
        found = extractor.extract(query, Candidates(rows, np.zeros(len(rows), np.float32)))[:, 0]
        terms = [vectorizer.vocabulary_[q] for q in analyzer_for("en")(query) if q in vectorizer.vocabulary_]
        # scikit-learn's idf is ln(N / df) + 1
        wanted = (matrix - tf)[rows][:, terms].sum(axis=1)
        assert found == pytest.approx(np.asarray(wanted).ravel(), rel=1e-5, abs=1e-5)
