"""Searching among allowed rows finds what is left of the exhaustive ranking when the others are struck out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tamis.indexer.config import DenseConfig, SparseConfig
from tamis.indexer.dense import DenseIndex, build_dense
from tamis.indexer.sparse.engine import SparseIndex, build_sparse, choose_engine, open_sparse

COUNT, DIMENSION, DEPTH = 10_000, 16, 100
SHARES = (0.0, 0.001, 0.01, 0.1, 0.9, 1.0)
Mask = npt.NDArray[np.bool_]


def masks() -> list[Mask]:
    """Masks that allow each share of the rows."""
    generator = np.random.default_rng(3)
    found = []
    for share in SHARES:
        mask = np.zeros(COUNT, np.bool_)
        mask[generator.choice(COUNT, round(share * COUNT), replace=False)] = True
        found.append(mask)
    return found


@pytest.mark.parametrize("kind", ["flat", "hnsw"])
def test_vectors_among_allowed_rows(kind: str, tmp_path: Path) -> None:
    generator = np.random.default_rng(4)
    vectors = generator.normal(size=(COUNT + 20, DIMENSION)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    queries, stored = vectors[:20], vectors[20:]
    path = tmp_path / "vectors.faiss"
    config = DenseConfig(m=16, ef_construction=60, ef_search=64)
    build_dense(iter([stored]), DIMENSION, kind, config, path, lambda done: None)
    index = DenseIndex(path, COUNT, DIMENSION, 64)
    ranking = np.argsort(-(queries @ stored.T), axis=1, kind="stable")
    for share, mask in zip(SHARES, masks(), strict=True):
        found = index.search(queries, DEPTH, allowed=mask)
        recall = []
        for (rows, scores), query, everything in zip(found, queries, ranking, strict=True):
            expected = everything[mask[everything]][:DEPTH]
            assert len(rows) == len(expected) and mask[rows].all()
            assert np.array_equal(scores, -np.sort(-scores))
            assert scores == pytest.approx(stored[rows] @ query, abs=1e-6)
            recall.append(len(np.intersect1d(rows, expected)) / len(expected) if len(expected) else 1.0)
        assert np.mean(recall) == 1.0 if kind == "flat" or share <= 0.1 else np.mean(recall) > 0.95, share
    whole, all_allowed = index.search(queries, DEPTH), index.search(queries, DEPTH, allowed=masks()[-1])
    if kind == "flat":
        assert [rows.tolist() for rows, _ in whole] == [rows.tolist() for rows, _ in all_allowed]


@pytest.fixture(scope="module", params=["lucene", "bm25s"])
def words(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> SparseIndex:
    """Passages of words of which the first are frequent and the last rare."""
    if request.param == "lucene" and choose_engine("auto") != "lucene":
        pytest.skip("the extra `lucene` is not installed")
    generator = np.random.default_rng(6)
    drawn = generator.zipf(1.3, size=(COUNT, 12)) % 500
    texts = [(f"p{row}", " ".join(f"word{number}" for number in numbers)) for row, numbers in enumerate(drawn)]
    folder = tmp_path_factory.mktemp("words") / "sparse"
    build_sparse(request.param, lambda: iter(texts), COUNT, folder, SparseConfig(), lambda done: None)
    return open_sparse(request.param, folder, SparseConfig())


@pytest.mark.parametrize("query", ["word1 word7", "word3 word90 word200", "word499", "nobody"])
def test_words_among_allowed_rows(words: SparseIndex, query: str) -> None:
    everything, scores = words.search(query, COUNT)
    for mask in masks():
        found, of_them = words.search(query, DEPTH, mask)
        expected = np.flatnonzero(mask[everything])[:DEPTH]
        assert found.tolist() == everything[expected].tolist()
        assert of_them.tolist() == scores[expected].tolist()


def test_allowed_rows_that_are_the_worst_of_all(words: SparseIndex) -> None:
    """However far down the allowed passages are, they are found."""
    everything, _ = words.search("word1 word7", COUNT)
    mask = np.zeros(COUNT, np.bool_)
    mask[everything[-DEPTH:]] = True
    assert words.search("word1 word7", DEPTH, mask)[0].tolist() == everything[-DEPTH:].tolist()
