"""Pruned builds: what is left out, what is kept of it, what search then says, and the way back."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import orjson
import pytest

from tamis.errors import BuildError, InvalidInput, NotFound
from tamis.indexer.build import build
from tamis.indexer.config import IndexConfig, QualityConfig, SparseConfig
from tamis.indexer.corpus.open import open_corpus
from tamis.indexer.manifest import IndexManifest
from tamis.indexer.quality.store import read_pruned, read_quality
from tamis.indexer.restore import restore
from tamis.indexer.versions import IndexFolder
from tamis.rankers.engine import Engine

QUESTIONS = (
    "how do I sort a list in place",
    "read a csv file with a header",
    "random sample without replacement",
    "serialise a dictionary",
    "median of some numbers",
    "copy a whole folder",
)


def config(**quality: object) -> IndexConfig:
    return IndexConfig(
        sparse=SparseConfig(engine="bm25s"), quality=QualityConfig.model_validate({"estimator": "light", **quality})
    )


def make(corpus: Path, out: Path, settings: IndexConfig) -> IndexManifest:
    return build(open_corpus(str(corpus), settings.corpus), out, settings)


@pytest.fixture(scope="module")
def corpus(tiny_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first eighty passages of the small corpus."""
    path = tmp_path_factory.mktemp("corpus") / "corpus.jsonl"
    path.write_bytes(b"".join(tiny_corpus.read_bytes().splitlines(keepends=True)[:80]))
    return path


@pytest.fixture(scope="module")
def whole(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "index"
    make(corpus, out, config())
    return out


@pytest.fixture(scope="module")
def pruned(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("pruned") / "index"
    make(corpus, out, config(prune=0.25))
    return out


def left_out(index: Path) -> set[str]:
    return {one.passage.id for one in read_pruned(IndexFolder(index).current())}


def rankings(index: Path) -> list[list[tuple[str, float]]]:
    with Engine.open(index) as engine:
        return [[(hit.id, hit.score) for hit in engine.search(query, 50).hits] for query in QUESTIONS]


def test_a_quarter_is_left_out_and_it_is_the_one_with_the_lowest_scores(whole: Path, pruned: Path) -> None:
    manifest = IndexManifest.read(IndexFolder(pruned).current())
    before = IndexManifest.read(IndexFolder(whole).current()).passages
    assert manifest.pruning is not None
    assert manifest.pruning.pruned == before // 4
    assert manifest.passages == before - before // 4
    kept = read_quality(IndexFolder(pruned).current())
    assert kept is not None and len(kept) == manifest.passages
    assert max(one.score for one in read_pruned(IndexFolder(pruned).current())) <= kept.min()


def test_search_is_that_of_an_index_of_the_corpus_without_the_pruned_passages(
    corpus: Path, pruned: Path, tmp_path: Path
) -> None:
    gone = left_out(pruned)
    lines = [line for line in corpus.read_bytes().splitlines() if orjson.loads(line)["_id"] not in gone]
    filtered = tmp_path / "corpus.jsonl"
    filtered.write_bytes(b"\n".join(lines) + b"\n")
    make(filtered, tmp_path / "index", config())
    assert rankings(pruned) == rankings(tmp_path / "index")


def test_dense_rankings_are_those_of_the_whole_index_with_the_pruned_passages_filtered(
    whole: Path, pruned: Path
) -> None:
    gone = left_out(pruned)
    with Engine.open(whole) as before, Engine.open(pruned) as after:
        vectors = before.index.encoder.encode(QUESTIONS, "query")
        filtered = []
        for rows, _ in before.index.dense.search(vectors, before.index.manifest.passages):
            filtered.append([id_ for id_ in before.index.passages.ids_of(rows) if id_ not in gone])
        found = [
            after.index.passages.ids_of(rows)
            for rows, _ in after.index.dense.search(vectors, after.index.manifest.passages)
        ]
    assert found == filtered


def test_restoring_gives_the_files_of_an_unpruned_build(pruned: Path, whole: Path, tmp_path: Path) -> None:
    shutil.copytree(pruned, tmp_path / "index", symlinks=True)
    manifest = restore(tmp_path / "index")
    unpruned = IndexManifest.read(IndexFolder(whole).current())
    assert manifest.files == unpruned.files
    assert manifest.fingerprint == unpruned.fingerprint
    assert manifest.build_key == unpruned.build_key
    assert len(IndexFolder(tmp_path / "index").versions()) == 2
    assert rankings(tmp_path / "index") == rankings(whole)
    with pytest.raises(NotFound, match="nothing to restore"):
        restore(tmp_path / "index")


def test_duplicates_are_left_out_with_the_name_of_the_one_that_stays(tmp_path: Path) -> None:
    texts = [f"passage number {n} says what {word} means to a reader" for n, word in enumerate("abcdefghijkl")]
    corpus = tmp_path / "corpus.jsonl"
    lines = [orjson.dumps({"_id": str(n), "text": text}) for n, text in enumerate([*texts, texts[3].upper()])]
    corpus.write_bytes(b"\n".join(lines) + b"\n")
    manifest = make(corpus, tmp_path / "index", config(duplicates="exact"))
    assert manifest.pruning is not None
    assert (manifest.pruning.pruned, manifest.pruning.duplicates) == (1, 1)
    assert [(one.passage.id, one.reason) for one in read_pruned(IndexFolder(tmp_path / "index").current())] == [
        ("12", "duplicate of 3")
    ]


def test_a_corpus_of_fewer_than_ten_passages_is_not_pruned_by_share(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_bytes(b"".join(b'{"_id": "%d", "text": "some text %d"}\n' % (n, n) for n in range(9)))
    with pytest.raises(InvalidInput, match="9 passages, expected 10 or more"):
        make(corpus, tmp_path / "index", config(prune=0.5))
    assert IndexFolder(tmp_path / "index").versions() == []


def test_a_corpus_of_another_language_is_not_scored_by_a_model_of_english(corpus: Path, tmp_path: Path) -> None:
    settings = config(prune=0.25).model_copy(update={"sparse": SparseConfig(engine="bm25s", language="de")})
    with pytest.raises(InvalidInput, match="trained on language 'en'"):
        make(corpus, tmp_path / "index", settings)


@pytest.mark.parametrize("share", [-0.1, 0.95, 1.0, float("nan")])
def test_a_share_that_is_none_is_refused_by_the_configuration(share: float) -> None:
    with pytest.raises(ValueError, match="prune"):
        QualityConfig(prune=share)


def test_an_index_without_an_estimator_has_no_scores(tiny_index: Path) -> None:
    folder = IndexFolder(tiny_index).current()
    assert read_quality(folder) is None
    assert IndexManifest.read(folder).pruning is None


def test_scores_of_an_index_are_one_a_passage_and_finite(whole: Path) -> None:
    with Engine.open(whole) as engine:
        assert engine.index.quality is not None
        assert engine.index.quality.shape == (engine.index.manifest.passages,)
        assert np.isfinite(engine.index.quality).all()


def test_a_build_error_is_no_way_around_the_corpus(whole: Path) -> None:
    from tamis.indexer.ingest import Ingested
    from tamis.indexer.progress import Quiet
    from tamis.indexer.steps import Steps

    steps = Steps.prepare(IndexFolder(whole), "digest", config(), Quiet(), "cpu")
    with pytest.raises(BuildError, match="another version"):
        steps.entry(Ingested(1, 1, 0))
