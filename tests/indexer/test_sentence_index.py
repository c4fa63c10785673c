"""Passages found by their sentences: equal to an exhaustive maximum that NumPy computes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tamis.errors import DamagedFile
from tamis.indexer.config import DenseConfig
from tamis.indexer.dense import DenseIndex, Vectors, build_dense
from tamis.indexer.sentence_index import SentenceIndex
from tamis.indexer.units import Units

DIMENSION = 24
PASSAGES = 600
GENERATOR = np.random.default_rng(11)
COUNTS = GENERATOR.integers(1, 9, PASSAGES)
COUNTS[::97] = 120
"""Some passages have so many sentences that they fill the first answer alone."""
UNITS = Units(np.concatenate([[0], np.cumsum(COUNTS)]).astype(np.int32))


def unit(count: int, spread: float = 1.0, around: Vectors | None = None) -> Vectors:
    """Random vectors of unit length, near some others or anywhere."""
    vectors = GENERATOR.normal(size=(count, DIMENSION)) * spread + (0 if around is None else around)
    found: Vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return found


VECTORS = unit(len(UNITS), 0.15, np.repeat(unit(PASSAGES), COUNTS, axis=0))
QUERIES = np.concatenate([unit(15), unit(7, 0.05, VECTORS[UNITS.starts[:-1:97]])])
"""Some lie near a passage of many sentences."""


@pytest.fixture(scope="module", params=["flat", "hnsw"])
def index(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> SentenceIndex:
    """An index of the vectors; its HNSW is searched so widely that it finds all."""
    path = tmp_path_factory.mktemp("sentences") / "vectors.faiss"
    build_dense([VECTORS], DIMENSION, request.param, DenseConfig(), path, lambda done: None)
    return SentenceIndex(DenseIndex(path, len(UNITS), DIMENSION, len(UNITS)), UNITS)


def exhaustive(query: Vectors, allowed: npt.NDArray[np.bool_] | None = None) -> list[tuple[int, float]]:
    """Each passage with the largest product of its sentences, best first."""
    products = VECTORS @ query
    found = []
    for row in range(PASSAGES):
        if allowed is None or allowed[row]:
            found.append((row, float(max(products[UNITS.starts[row] : UNITS.starts[row + 1]]))))
    return sorted(found, key=lambda pair: (-pair[1], pair[0]))


@pytest.mark.parametrize("depth", [1, 10, 100, 599, 5_000])
def test_it_is_the_exhaustive_maximum(index: SentenceIndex, depth: int) -> None:
    for query, (rows, scores) in zip(QUERIES, index.search(QUERIES, depth), strict=True):
        expected = exhaustive(query)[:depth]
        assert rows.tolist() == [row for row, _ in expected]
        assert scores == pytest.approx([score for _, score in expected], abs=1e-6)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.95])
def test_filters_are_of_passages(index: SentenceIndex, share: float) -> None:
    allowed = np.random.default_rng(3).random(PASSAGES) < share
    for query, (rows, _) in zip(QUERIES, index.search(QUERIES, 50, allowed=allowed), strict=True):
        assert rows.tolist() == [row for row, _ in exhaustive(query, allowed)[:50]]


def test_a_passage_of_many_sentences_does_not_crowd_others_out(index: SentenceIndex) -> None:
    """The first answer, of forty units, holds fewer than ten passages here; more are asked for."""
    query = QUERIES[-1:]
    first = index.sentences.search(query, 40)[0][0]
    assert len(np.unique(UNITS.parents(first))) < 10
    assert len(index.search(query, 10)[0][0]) == 10


def test_alone_and_in_a_batch_are_the_same_bits(index: SentenceIndex) -> None:
    for place, (rows, scores) in enumerate(index.search(QUERIES, 30)):
        alone_rows, alone_scores = index.search(QUERIES[place : place + 1], 30)[0]
        assert (rows.tolist(), scores.tobytes()) == (alone_rows.tolist(), alone_scores.tobytes())


def test_equal_scores_are_in_the_order_of_rows(tmp_path: Path) -> None:
    one, other = unit(2)
    build_dense(
        [np.stack([other, one, one, one, other])], DIMENSION, "flat", DenseConfig(), tmp_path / "v", lambda _: None
    )
    units = Units(np.array([0, 2, 3, 4, 5], np.int32))
    index = SentenceIndex(DenseIndex(tmp_path / "v", 5, DIMENSION, 8), units)
    assert index.search(one[None], 4)[0][0].tolist() == [0, 1, 2, 3]


def test_scores_of_named_passages_are_those_of_a_search(index: SentenceIndex) -> None:
    rows, scores = index.search(QUERIES[:1], 40)[0]
    assert index.scores(rows, QUERIES[0]) == pytest.approx(scores, abs=1e-6)
    assert index.scores(rows[:0], QUERIES[0]).shape == (0,)


def test_a_passages_vector_is_the_direction_of_its_sentences(index: SentenceIndex) -> None:
    rows = np.array([5, 0, 5], np.int32)
    for row, vector in zip(rows, index.vectors(rows), strict=True):
        total = VECTORS[UNITS.starts[row] : UNITS.starts[row + 1]].sum(axis=0)
        assert vector == pytest.approx(total / np.linalg.norm(total), abs=1e-6)
    assert index.vectors(rows[:0]).shape == (0, DIMENSION)


def test_units_of_other_passages_are_refused(tmp_path: Path) -> None:
    UNITS.write(tmp_path / "units.npy")
    assert Units.read(tmp_path / "units.npy", PASSAGES).starts.tolist() == UNITS.starts.tolist()
    with pytest.raises(DamagedFile, match="of 599 passages"):
        Units.read(tmp_path / "units.npy", PASSAGES - 1)
    Units(np.array([0, 2, 2, 3], np.int32)).write(tmp_path / "empty.npy")
    with pytest.raises(DamagedFile, match="build again"):
        Units.read(tmp_path / "empty.npy", 3)
