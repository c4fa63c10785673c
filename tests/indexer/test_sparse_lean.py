"""The word index without Java: counting, scoring and picking, against bm25s' own indexer and naive code."""

from __future__ import annotations

import random
from pathlib import Path

import bm25s
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tamis.errors import DamagedFile
from tamis.indexer.config import SparseConfig
from tamis.indexer.sparse import lean_build
from tamis.indexer.sparse.analysis import analyzer_for
from tamis.indexer.sparse.engine import build_sparse, open_sparse
from tamis.indexer.sparse.lean import best
from tamis.indexer.sparse.lean_build import Postings


def passages(count: int) -> list[tuple[str, str]]:
    chance = random.Random(7)
    words = [f"word{number}" for number in range(60)]
    return [(f"p{row}", " ".join(chance.choices(words, k=chance.randint(1, 90)))) for row in range(count)]


@pytest.mark.parametrize(("k1", "b"), [(0.9, 0.4), (1.5, 0.75), (0.0, 0.0)])
def test_scores_equal_those_of_bm25s_own_indexer(tmp_path: Path, k1: float, b: float) -> None:
    texts = passages(200)
    config = SparseConfig(engine="bm25s", k1=k1, b=b)
    build_sparse("bm25s", lambda: texts, len(texts), tmp_path, config, lambda done: None)
    index = open_sparse("bm25s", tmp_path, config)
    analyze = analyzer_for("en")
    peer = bm25s.BM25(method="lucene", k1=k1, b=b)
    peer.index([analyze(contents) for _, contents in texts], show_progress=False)
    for query in ("word1", "word2 word59 word2", "word3 word4 word5 word6"):
        expected = peer.get_scores(analyze(query))
        rows, scores = index.search(query, 500)
        assert sorted(rows.tolist()) == np.flatnonzero(expected > 0).tolist()
        assert scores == pytest.approx(expected[rows], rel=1e-5)


def test_files_of_any_size_give_the_same_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = passages(300)
    config = SparseConfig()
    for name, chunk in (("one", 1 << 20), ("many", 100)):
        monkeypatch.setattr(lean_build, "CHUNK", chunk)
        build_sparse("bm25s", lambda: texts, len(texts), tmp_path / name, config, lambda done: None)
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "many" / file.name).read_bytes(), file.name


def test_postings_by_hand(tmp_path: Path) -> None:
    postings = Postings(tmp_path)
    postings.add(0, ["b", "a", "b"])
    postings.add(1, [])
    postings.flush()
    postings.add(2, ["a"])
    postings.flush()
    assert dict(postings.vocabulary) == {"b": 0, "a": 1}
    assert list(postings.lengths) == [3, 0, 1]
    chunks = [[part.tolist() for part in chunk] for chunk in postings.chunks()]
    assert chunks == [[[0, 1], [0, 0], [2, 1]], [[1], [2], [1]]]  # terms, rows, frequencies


def test_nothing_is_pickled_and_no_text_is_kept(tmp_path: Path) -> None:
    build_sparse("bm25s", lambda: [("secret-id", "Unstemmed Running")], 1, tmp_path, SparseConfig(), lambda done: None)
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"secret-id" not in content
    assert b"Running" not in content
    for path in tmp_path.glob("*.npy"):
        np.load(path, allow_pickle=False)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    build_sparse("bm25s", lambda: [("a", "cat")], 1, tmp_path, SparseConfig(), lambda done: None)
    (tmp_path / "indptr.csc.index.npy").unlink()
    with pytest.raises(DamagedFile, match=r"indptr\.csc\.index\.npy"):
        open_sparse("bm25s", tmp_path, SparseConfig())


@given(
    scores=arrays(np.float32, st.integers(0, 40), elements=st.sampled_from([0.0, 0.5, 1.0, 1.5, 2.0])),
    depth=st.integers(1, 50),
)
def test_best_is_a_sort_by_score_then_row(scores: np.ndarray, depth: int) -> None:
    expected = sorted((row for row in range(len(scores)) if scores[row] > 0), key=lambda row: (-scores[row], row))
    rows, found = best(scores, depth)
    assert rows.tolist() == expected[:depth]
    assert found.tolist() == scores[rows].tolist()
    assert rows.dtype == np.int32
