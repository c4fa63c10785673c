from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import faiss
import numpy as np
import pytest

from tamis.errors import DamagedFile, MissingPrerequisite
from tamis.indexer.config import DenseConfig
from tamis.indexer.dense import DenseIndex, Vectors, build_dense, kind_for
from tamis.indexer.recall import exact_neighbours, measure_recall

DIMENSION = 24
GENERATOR = np.random.default_rng(5)


def unit(count: int) -> Vectors:
    """Random vectors of unit length."""
    vectors = GENERATOR.normal(size=(count, DIMENSION)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


VECTORS = unit(3_000)
QUERIES = unit(40)


def shards() -> Iterator[Vectors]:
    """The vectors in shards of uneven size."""
    yield from np.split(VECTORS, [700, 1_900, 1_950])


def built(path: Path, kind: str, ef_search: int = 256) -> DenseIndex:
    """Build an index of the vectors, and open it."""
    seen: list[int] = []
    build_dense(shards(), DIMENSION, kind, DenseConfig(), path / "vectors.faiss", seen.append)
    assert seen[-1] == len(VECTORS)
    assert seen == sorted(seen)
    return DenseIndex(path / "vectors.faiss", len(VECTORS), DIMENSION, ef_search)


def test_exact_neighbours_are_those_of_a_matrix_product() -> None:
    expected = np.argsort(-(QUERIES @ VECTORS.T), axis=1, kind="stable")[:, :30]
    assert exact_neighbours(QUERIES, shards(), 30).tolist() == expected.tolist()


def test_exact_neighbours_of_fewer_vectors_than_asked() -> None:
    assert exact_neighbours(QUERIES[:2], iter([VECTORS[:3], VECTORS[3:5]]), 30).shape == (2, 5)


def test_flat_search_is_exact_and_hnsw_nearly(tmp_path: Path) -> None:
    exact = exact_neighbours(QUERIES, shards(), 20)
    flat = built(tmp_path, "flat")
    assert [rows.tolist() for rows, _ in flat.search(QUERIES, 20)] == exact.tolist()
    assert measure_recall(flat, shards, "cpu") == 1.0
    assert measure_recall(built(tmp_path, "hnsw"), shards, "cpu") > 0.99


def test_a_narrow_search_has_less_recall(tmp_path: Path) -> None:
    """The figure can fall: it is measured, not stated."""
    built(tmp_path, "hnsw")
    narrow = DenseIndex(tmp_path / "vectors.faiss", len(VECTORS), DIMENSION, ef_search=8)
    wide = DenseIndex(tmp_path / "vectors.faiss", len(VECTORS), DIMENSION, ef_search=512)
    assert measure_recall(narrow, shards, "cpu") < measure_recall(wide, shards, "cpu")


@pytest.mark.parametrize("kind", ["flat", "hnsw"])
def test_alone_and_in_a_batch_are_the_same_bits(tmp_path: Path, kind: str) -> None:
    index = built(tmp_path, kind)
    batch = index.search(QUERIES, 50)
    for number in range(len(QUERIES)):
        rows, scores = index.search(QUERIES[number : number + 1], 50)[0]
        assert rows.tolist() == batch[number][0].tolist()
        assert scores.tobytes() == batch[number][1].tobytes()


@pytest.mark.parametrize("kind", ["flat", "hnsw"])
def test_a_mapped_index_gives_the_same_bits(tmp_path: Path, kind: str) -> None:
    loaded, path = built(tmp_path, kind), tmp_path / "vectors.faiss"
    mapped = DenseIndex(path, len(VECTORS), DIMENSION, 256, mapped=True)
    allowed = np.arange(len(VECTORS)) % 7 == 0
    for mask in (None, allowed):
        for (rows, scores), (other_rows, other_scores) in zip(
            loaded.search(QUERIES, 50, allowed=mask), mapped.search(QUERIES, 50, allowed=mask), strict=True
        ):
            assert rows.tolist() == other_rows.tolist() and scores.tobytes() == other_scores.tobytes()
    some = np.array([5, 0, 2_999], np.int32)
    assert mapped.vectors(some).tobytes() == VECTORS[some].tobytes()
    path.write_bytes(path.read_bytes()[:1_000])
    with pytest.raises(DamagedFile, match="FAISS cannot read it"):
        DenseIndex(path, len(VECTORS), DIMENSION, 64, mapped=True)


def test_two_builds_are_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    built(tmp_path / "a", "hnsw")
    built(tmp_path / "b", "hnsw")
    assert (tmp_path / "a" / "vectors.faiss").read_bytes() == (tmp_path / "b" / "vectors.faiss").read_bytes()


def test_depth_beyond_the_index_gives_all(tmp_path: Path) -> None:
    rows, scores = built(tmp_path, "flat").search(QUERIES[:1], 10_000)[0]
    assert sorted(rows.tolist()) == list(range(len(VECTORS)))
    assert (np.diff(scores) <= 0).all()


def test_an_index_that_is_not_the_described_one_is_refused(tmp_path: Path) -> None:
    built(tmp_path, "flat")
    path = tmp_path / "vectors.faiss"
    with pytest.raises(DamagedFile, match="holds 3000 vectors of 24 dimensions, expected 2999"):
        DenseIndex(path, 2_999, DIMENSION, 64)
    path.write_bytes(path.read_bytes()[:1_000])
    with pytest.raises(DamagedFile, match="FAISS cannot read it"):
        DenseIndex(path, len(VECTORS), DIMENSION, 64)


def test_small_indexes_are_searched_exactly() -> None:
    config = DenseConfig(flat_below=100)
    assert (kind_for(99, config), kind_for(100, config)) == ("flat", "hnsw")


@pytest.mark.skipif(hasattr(faiss, "StandardGpuResources"), reason="this FAISS has GPU support")
def test_a_gpu_that_faiss_cannot_use_is_named() -> None:
    with pytest.raises(MissingPrerequisite, match=r"tamis\[gpu\]"):
        exact_neighbours(QUERIES, shards(), 10, "cuda")


def test_breadth_can_be_set_for_one_search_and_is_never_below_depth(tmp_path: Path) -> None:
    """Narrower than deep, FAISS finds fewer than were asked for: here some of 1,000."""
    index = built(tmp_path, "hnsw", ef_search=8)
    deep = index.search(QUERIES, 1_000)
    assert {len(rows) for rows, _ in deep} == {1_000}
    assert [rows.tolist() for rows, _ in index.search(QUERIES, 1_000, 8)] == [rows.tolist() for rows, _ in deep]
    wide = DenseIndex(tmp_path / "vectors.faiss", len(VECTORS), DIMENSION, ef_search=400)
    for (narrow_rows, _), (set_rows, set_scores), (rows, scores) in zip(
        index.search(QUERIES, 20), index.search(QUERIES, 20, 400), wide.search(QUERIES, 20), strict=True
    ):
        assert set_rows.tolist() == rows.tolist()
        assert set_scores.tobytes() == scores.tobytes()
        assert len(narrow_rows) == 20
