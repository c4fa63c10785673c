"""The extractor on what is unusual, and what it promises beside the formulas."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.errors import InvalidInput
from tamis.indexer.forward.forward import ForwardIndex
from tamis.indexer.forward.train_translation import train_translations
from tamis.rankers.features.extract import FeatureExtractor, Features
from tamis.rankers.features.query import MOST_TOKENS
from tamis.rankers.features.schema import PLACES, SCHEMA
from tamis.rankers.features.translations import BLOCK
from tamis.rankers.ranking import Candidates

MakeForward = Callable[[list[tuple[str, str]]], Path]

PASSAGES = [
    ("The cat", "The cat runs. Dogs run, too, and the cat is running."),
    ("", "cat"),
    ("", ""),
    ("Only a title", ""),
    ("", "the of and"),
    ("", "x " * 3_000 + "dog"),
]

QUERIES = ("the cat runs to the title", "cat", "", "dog cat dog running", "zebra")


@pytest.fixture(scope="module")
def folder(make_forward: MakeForward) -> Path:
    """Six odd passages, with translations."""
    made = make_forward(PASSAGES)
    pairs = [("cat runs", 0), ("dog and cat", 0), ("title", 3), ("running " + " ".join("abcdefghijkl"), 0)]
    train_translations(pairs, ForwardIndex.open(made), made, lambda done: None)
    return made


@pytest.fixture(scope="module")
def extractor(folder: Path) -> FeatureExtractor:
    return FeatureExtractor(ForwardIndex.open(folder))


def candidates(*rows: int, **features: list[float]) -> Candidates:
    arrays = {name: np.array(values, np.float32) for name, values in features.items()}
    return Candidates(np.array(rows, np.int32), np.zeros(len(rows), np.float32), arrays)


def column(found: Features, name: str) -> list[float]:
    return [float(value) for value in found[:, PLACES[name]]]


@settings(max_examples=30, deadline=None)
@given(query=st.one_of(st.text(max_size=80), st.sampled_from(["", "the", "cat", "the the", "\ud800", "cat " * 500])))
def test_any_query_gives_finite_numbers_or_nan(query: str, extractor: FeatureExtractor) -> None:
    found = extractor.extract(query, candidates(0, 1, 2, 3, 4, 5))
    assert found.shape == (6, len(SCHEMA))
    assert found.dtype == np.float32
    assert not np.isinf(found).any()


@pytest.mark.parametrize("query", ["cat", "cat dog " * 250, "unheard-of", "the", "", "dog " * 20_000])
def test_unusual_queries(query: str, extractor: FeatureExtractor) -> None:
    """One word, 500 words, words that the collection does not hold, stop words, nothing, far too much."""
    found = extractor.extract(query, candidates(0, 1, 2, 3, 4, 5))
    assert not np.isinf(found).any()
    words = query.replace("-", " ").split()
    assert column(found, "unstemmed.query_length") == [min(len(words), MOST_TOKENS)] * 6
    if not words:
        counts = [f.name for f in SCHEMA if f.name.endswith((".query_length", ".unique_terms", ".matching_terms"))]
        assert all(column(found, name) == [0.0] * 6 for name in counts)
        assert np.isnan(found[:, PLACES["analysed.bm25.sum"]]).all()
        assert np.isnan(found[:, PLACES["wordpiece.model1"]]).all()
        assert np.isnan(found[:, PLACES["query.known"]]).all()


def test_no_candidates(extractor: FeatureExtractor) -> None:
    found = extractor.extract("cat", candidates())
    assert found.shape == (0, len(SCHEMA))
    assert found.dtype == np.float32


def test_a_passage_of_one_token(extractor: FeatureExtractor) -> None:
    """All of the passage is the query's term: its DPH score is 0, the formula's limit."""
    found = extractor.extract("cat", candidates(1))
    assert column(found, "analysed.dph.sum") == [0.0]
    assert column(found, "analysed.coverage") == [1.0]
    assert column(found, "analysed.doc_size") == [1.0]


def test_passages_without_tokens(extractor: FeatureExtractor) -> None:
    found = extractor.extract("cat", candidates(2, 4))
    assert column(found, "analysed.doc_size") == [0.0, 0.0]
    assert column(found, "unstemmed.doc_size") == [0.0, 3.0]
    assert column(found, "analysed.bm25.sum") == [0.0, 0.0]
    for name in ("normalised_tf.sum", "normalised_tf_idf", "probability_sum", "model1"):
        assert np.isnan(found[:, PLACES[f"analysed.{name}"]]).all(), name


def test_titles(extractor: FeatureExtractor) -> None:
    """Of `cat title the cat`, the first title holds both cats and the second one the title."""
    found = extractor.extract("cat title the cat", candidates(0, 1, 3))
    assert column(found, "title.length")[::2] == [2.0, 3.0]
    assert column(found, "title.coverage")[::2] == [pytest.approx(2 / 3), pytest.approx(1 / 3)]
    cat, title = np.log(4 / 2), np.log(4 / 1)  # of four passages with terms
    assert column(found, "title.weight")[::2] == [
        pytest.approx(2 * cat / (2 * cat + title)), pytest.approx(title / (2 * cat + title)),
    ]  # fmt: skip
    assert np.isnan(found[1, [PLACES[f"title.{name}"] for name in ("length", "coverage", "weight")]]).all()


def test_what_the_first_stage_said(extractor: FeatureExtractor) -> None:
    nan = float("nan")
    found = extractor.extract(
        "cat",
        candidates(
            0, 1, 3, sparse=[8, nan, 2], sparse_rank=[1, nan, 4], dense=[0.5, 0.75, nan], dense_rank=[2, 1, nan]
        ),
    )
    for name, values in {
        "sparse.score": [8, nan, 2],
        "sparse.reciprocal_rank": [1, nan, 0.25],
        "sparse.of_best": [1, nan, 0.25],
        "dense.score": [0.5, 0.75, nan],
        "dense.reciprocal_rank": [0.5, 1, nan],
        "dense.below_best": [0.25, 0, nan],
    }.items():
        assert np.array_equal(found[:, PLACES[name]], np.array(values, np.float32), equal_nan=True), name
    without = extractor.extract("cat", candidates(0))
    assert np.isnan(without[:, PLACES["sparse.score"] : PLACES["passage.quality"]]).all()


def test_no_arm_found_any_candidate(extractor: FeatureExtractor) -> None:
    nan = float("nan")
    found = extractor.extract("cat", candidates(0, sparse=[nan], sparse_rank=[nan], dense=[nan], dense_rank=[nan]))
    of_text = [PLACES["wordpiece.doc_size.relative"], PLACES["analysed.bm25.sum.relative"]]
    assert found[0, of_text].tolist() == [0.0, 0.0]
    others = [place for place in range(PLACES["sparse.score"], len(SCHEMA)) if place not in of_text]
    assert np.isnan(found[:, others]).all()


def test_quality(folder: Path) -> None:
    quality = np.array([0.5, 0.25, 0, 0, 0, 1], np.float32)
    found = FeatureExtractor(ForwardIndex.open(folder), quality).extract("cat", candidates(5, 1))
    assert column(found, "passage.quality") == [1.0, 0.25]
    with pytest.raises(InvalidInput, match="2 quality scores were given for 6 passages"):
        FeatureExtractor(ForwardIndex.open(folder), quality[:2])


@pytest.mark.parametrize(
    "names",
    [
        ["wordpiece.model1", "analysed.bm25.sum", "title.weight"],
        ["unstemmed.tp_dist"],
        ["analysed.dph.median", "analysed.idf.median", "wordpiece.ordered_pairs.15", "unstemmed.tp_score"],
        ["analysed.bm25.sum.relative", "wordpiece.lm_jelinek", "unstemmed.lm_dirichlet.min", "wordpiece.proximity"],
        ["title.model1", "query.known", "sparse.score"],
        [],
    ],
)
def test_some_features_are_those_of_all(names: list[str], folder: Path, extractor: FeatureExtractor) -> None:
    """A lean set skips the work that it does not need, and changes no value."""
    given_ = candidates(0, 3, 1, sparse=[1, 2, 3])
    query = "the cat runs to the title"
    some = FeatureExtractor(ForwardIndex.open(folder), names=names)
    assert [feature.name for feature in some.schema] == names
    everything = extractor.extract(query, given_)[:, [PLACES[name] for name in names]]
    assert np.array_equal(some.extract(query, given_), everything, equal_nan=True)


@settings(max_examples=40, deadline=None)
@given(
    names=st.lists(st.sampled_from([feature.name for feature in SCHEMA]), max_size=6, unique=True),
    query=st.sampled_from(QUERIES),
)
def test_any_features_are_those_of_all(names: list[str], query: str, folder: Path, extractor: FeatureExtractor) -> None:
    given_ = candidates(0, 5, 3, 1, sparse=[1, 2, 3, 1])
    everything = extractor.extract(query, given_)[:, [PLACES[name] for name in names]]
    some = FeatureExtractor(ForwardIndex.open(folder), names=names).extract(query, given_)
    assert np.array_equal(some, everything, equal_nan=True)


def test_unknown_names_and_rows_are_refused(folder: Path, extractor: FeatureExtractor) -> None:
    with pytest.raises(InvalidInput, match="no feature is called 'bm26'"):
        FeatureExtractor(ForwardIndex.open(folder), names=["query.known", "bm26"])
    for rows in ((0, 6), (-1, 0)):
        with pytest.raises(InvalidInput, match="the forward index has 0 to 5"):
            extractor.extract("cat", candidates(*rows))


def test_candidates_do_not_see_each_other(extractor: FeatureExtractor) -> None:
    """Features of text depend on query and passage, not on order, company or repetition."""
    query = "running cats and dogs " + " ".join("abcdefghij")
    assert len(set(query.split())) > BLOCK
    of_text = PLACES["sparse.score"]
    together = extractor.extract(query, candidates(5, 3, 0, 0, 1))[:, :of_text]
    for place, row in enumerate((5, 3, 0, 0, 1)):
        alone = extractor.extract(query, candidates(row))[:, :of_text]
        assert np.array_equal(together[place], alone[0], equal_nan=True), row


def test_threads_side_by_side(folder: Path) -> None:
    """Eight threads get what one gets."""
    shared = FeatureExtractor(ForwardIndex.open(folder))
    shared.warm_up()
    queries = [f"cat dog run {number} title x the" for number in range(40)] * 4
    given_ = candidates(0, 1, 2, 3, 4, 5)
    alone = [shared.extract(query, given_) for query in queries]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda query: shared.extract(query, given_), queries))
    for one, other in zip(alone, together, strict=True):
        assert np.array_equal(one, other, equal_nan=True)


def test_an_index_without_tables_has_no_translations(make_forward: MakeForward) -> None:
    found = FeatureExtractor(ForwardIndex.open(make_forward([("", "cat")]))).extract("cat", candidates(0))
    assert np.isnan(found[:, [PLACES[f"{field}.model1"] for field in ("analysed", "unstemmed", "title")]]).all()
    assert np.isnan(found[:, PLACES["title.length"]]).all()
