"""Two-tier builds: the hot tier is a pruned index, the cold one an index of what was pruned, the rest is whole."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson
import pytest

from tamis.errors import DamagedFile, InvalidInput
from tamis.indexer.build import build
from tamis.indexer.config import IndexConfig
from tamis.indexer.corpus.open import open_corpus
from tamis.indexer.encoding import SHARD, chosen
from tamis.indexer.manifest import IndexManifest
from tamis.indexer.passages import PassageStore
from tamis.indexer.progress import Report
from tamis.indexer.published import PublishedIndex
from tamis.indexer.quality.decide import Pruned
from tamis.indexer.quality.store import divide, read_pruned
from tamis.indexer.restore import restore
from tamis.indexer.update import Changes, update
from tamis.indexer.versions import IndexFolder
from tamis.rankers.config import PipelineConfig
from tamis.rankers.engine import Engine

QUESTIONS = (
    "how do I sort a list in place",
    "read a csv file with a header",
    "median of some numbers",
    "copy a folder",
)
KINDS = {"flat": 5_000, "hnsw": 8}
"""Exact search, and graphs also of few vectors."""


def make(corpus: Path, out: Path, flat_below: int = 5_000, **quality: object) -> IndexManifest:
    values = {
        "sparse": {"engine": "bm25s"},
        "quality": {"estimator": "light", **quality},
        "dense": {"flat_below": flat_below},
    }
    config = IndexConfig.model_validate(values)
    return build(open_corpus(str(corpus), config.corpus), out, config)


@pytest.fixture(scope="module")
def corpus(tiny_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first eighty passages of the small corpus."""
    path = tmp_path_factory.mktemp("corpus") / "corpus.jsonl"
    path.write_bytes(b"".join(tiny_corpus.read_bytes().splitlines(keepends=True)[:80]))
    return path


@dataclass(frozen=True)
class Built:
    """The same corpus in three ways."""

    whole: Path
    pruned: Path
    tiered: Path

    def manifest(self, name: str) -> IndexManifest:
        return IndexManifest.read(IndexFolder(getattr(self, name)).current())


@pytest.fixture(scope="module", params=KINDS)
def built(request: pytest.FixtureRequest, corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder, flat = tmp_path_factory.mktemp("built"), KINDS[request.param]
    make(corpus, folder / "whole", flat)
    make(corpus, folder / "pruned", flat, prune=0.25)
    make(corpus, folder / "tiered", flat, prune=0.25, cold=True)
    return Built(folder / "whole", folder / "pruned", folder / "tiered")


def test_the_hot_tier_is_the_pruned_index_and_the_rest_the_whole_one(built: Built) -> None:
    tiered, whole, pruned = (built.manifest(name) for name in ("tiered", "whole", "pruned"))
    assert (tiered.passages, tiered.cold, pruned.cold, whole.cold) == (80, 20, 0, 0)
    assert (tiered.format, pruned.format) == (4, 2)
    assert (tiered.dense_kind, tiered.dense_recall) == (pruned.dense_kind, pruned.dense_recall)
    hot = {name for name in tiered.files if name == "vectors.faiss" or name.startswith("sparse/")}
    cold = {name for name in tiered.files if name.startswith("cold/")}
    assert {name.removeprefix("cold/") for name in cold} == hot
    for name, entry in tiered.files.items():
        if name in hot:
            assert entry == pruned.files[name], name
        elif name not in cold and name != "pruned/pruned.arrow":
            assert entry == whole.files[name], name
    assert whole.files.keys() == tiered.files.keys() - cold - {"pruned/pruned.arrow"}


def test_what_is_cold_is_told_as_what_is_left_out_is(built: Built) -> None:
    tiered, pruned = (list(read_pruned(IndexFolder(path).current())) for path in (built.tiered, built.pruned))
    assert tiered == pruned and len(tiered) == 20


def test_the_cold_tier_is_an_index_of_what_was_pruned(built: Built, corpus: Path, tmp_path: Path) -> None:
    """Also its scores of words: each tier counts words by itself."""
    gone = {one.passage.id for one in read_pruned(IndexFolder(built.tiered).current())}
    lines = [line for line in corpus.read_bytes().splitlines() if orjson.loads(line)["_id"] in gone]
    (tmp_path / "corpus.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    make(tmp_path / "corpus.jsonl", tmp_path / "index")
    with PublishedIndex.open(tmp_path / "index") as alone, PublishedIndex.open(built.tiered) as tiered:
        assert tiered.cold is not None
        for text in QUESTIONS:
            rows, scores = alone.sparse.search(text, 80)
            cold_rows, cold_scores = tiered.cold.sparse.search(text, 80)
            assert alone.passages.ids_of(rows) == tiered.passages.ids_of(cold_rows)
            assert scores.tobytes() == cold_scores.tobytes()
        vectors = alone.encoder.encode(QUESTIONS, "query")
        for (rows, scores), (cold_rows, cold_scores) in zip(
            alone.dense.search(vectors, 20), tiered.cold.dense.search(vectors, 20), strict=True
        ):
            assert alone.passages.ids_of(rows) == tiered.passages.ids_of(cold_rows)
            assert scores.tobytes() == cold_scores.tobytes()


def test_vectors_of_both_tiers_are_known_by_row(built: Built) -> None:
    rows = np.array([79, 0, 3, 3, 41, 17, 18], np.int32)
    with PublishedIndex.open(built.whole) as whole, PublishedIndex.open(built.tiered) as tiered:
        every = np.arange(80, dtype=np.int32)
        assert tiered.dense.vectors(every).tobytes() == whole.dense.vectors(every).tobytes()
        assert tiered.dense.vectors(rows).tobytes() == whole.dense.vectors(rows).tobytes()
        query = whole.dense.vectors(rows[:1])[0]
        assert tiered.dense.scores(rows, query).tobytes() == whole.dense.scores(rows, query).tobytes()
        assert tiered.dense.vectors(rows[:0]).shape == (0, 384)
        assert tiered.cold is not None
        assert [tiered.cold.tier_of(row) for row in range(80)].count("cold") == 20


@pytest.mark.parametrize("arms", [("sparse",), ("dense",), ("sparse", "dense")])
def test_never_asking_the_cold_tier_ranks_as_the_pruned_index(built: Built, arms: tuple[str, ...]) -> None:
    config = PipelineConfig.model_validate({"retrievers": arms, "sparse_depth": 30, "dense_depth": 30})
    with Engine.open(built.pruned, config) as pruned, Engine.open(built.tiered, config) as tiered:
        for text in QUESTIONS:
            one, other = pruned.search(text, 60), tiered.search(text, 60)
            assert one.hits == other.hits
            assert other.cold is None and "cold" not in other.timings_ms


class Phases:
    """Remembers how much each phase had to do."""

    def __init__(self) -> None:
        self.totals: dict[str, int | None] = {}

    @contextmanager
    def phase(self, name: str, total: int | None, unit: str) -> Iterator[Report]:
        self.totals[name] = total
        yield lambda done: None

    def note(self, text: str) -> None:
        """Say nothing."""


def test_restoring_gives_the_files_of_an_unpruned_build_and_encodes_nothing(built: Built, tmp_path: Path) -> None:
    shutil.copytree(built.tiered, tmp_path / "index", symlinks=True)
    seen = Phases()
    manifest, whole = restore(tmp_path / "index", seen), built.manifest("whole")
    assert seen.totals["encode"] == 0
    assert manifest.files == whole.files
    assert (manifest.fingerprint, manifest.build_key) == (whole.fingerprint, whole.build_key)
    assert manifest.cold == 0


@pytest.mark.parametrize("name", ["cold/vectors.faiss", "cold/sparse/data.csc.index.npy", "pruned/pruned.arrow"])
def test_a_damaged_file_of_the_cold_tier_is_named(built: Built, tmp_path: Path, name: str) -> None:
    shutil.copytree(built.tiered, tmp_path / "index", symlinks=True)
    path = IndexFolder(tmp_path / "index").current() / name
    path.write_bytes(path.read_bytes()[:-1] + bytes([path.read_bytes()[-1] ^ 1]))
    with pytest.raises(DamagedFile, match=f"{name} was changed"):
        PublishedIndex.open(tmp_path / "index")
    path.unlink()
    with pytest.raises(DamagedFile, match=f"{name} is missing"):
        PublishedIndex.open(tmp_path / "index")


def test_a_cold_tier_of_nothing_is_refused(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"nothing is: set quality\.prune"):
        make(corpus, tmp_path / "index", cold=True)
    assert not (tmp_path / "index").exists()


def test_a_cold_tier_of_sentences_is_refused(corpus: Path, tmp_path: Path) -> None:
    config = IndexConfig.model_validate({"quality": {"prune": 0.2, "cold": True}, "dense": {"units": "sentence"}})
    with pytest.raises(InvalidInput, match=r'dense.units is "sentence"'):
        build(open_corpus(str(corpus), config.corpus), tmp_path / "index", config)


def test_where_the_share_comes_to_nothing_there_is_one_tier(corpus: Path, tmp_path: Path) -> None:
    manifest = make(corpus, tmp_path / "index", prune=0.01, cold=True)
    assert manifest.cold == 0 and not any(name.startswith("cold/") for name in manifest.files)
    with PublishedIndex.open(tmp_path / "index") as index:
        assert index.cold is None
    with pytest.raises(InvalidInput, match="has no cold tier"):
        Engine.open(tmp_path / "index", PipelineConfig(cold="always"))


def test_documents_of_an_index_with_tiers_are_not_changed_one_by_one(built: Built, tmp_path: Path) -> None:
    shutil.copytree(built.tiered, tmp_path / "index", symlinks=True)
    with pytest.raises(InvalidInput, match="tamis index restore"):
        update(tmp_path / "index", Changes(delete=[next(read_pruned(IndexFolder(built.tiered).current())).passage.id]))


@pytest.mark.parametrize("cold", [False, True])
def test_a_division_that_was_killed_is_done_again(built: Built, tmp_path: Path, cold: bool) -> None:
    """Between `pruned/` and the rest; the second time says the same."""
    scores = np.arange(80, dtype=np.float32)
    pruned = [Pruned(row, float(scores[row]), "why") for row in range(20)]
    shutil.copy(IndexFolder(built.whole).current() / "passages.arrow", tmp_path / "passages.arrow")
    divide(PassageStore(tmp_path / "passages.arrow"), pruned, scores, tmp_path, {}, cold)
    first = list(read_pruned(tmp_path))
    shutil.copy(IndexFolder(built.whole).current() / "passages.arrow", tmp_path / "passages.arrow")
    (tmp_path / "quality.npy").unlink()
    divide(PassageStore(tmp_path / "passages.arrow"), pruned, scores, tmp_path, {}, cold)
    assert list(read_pruned(tmp_path)) == first and len(first) == 20
    assert len(PassageStore(tmp_path / "passages.arrow")) == (80 if cold else 60)


class Killed(Phases):
    """Ends a build where a phase begins."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    @contextmanager
    def phase(self, name: str, total: int | None, unit: str) -> Iterator[Report]:
        if name == self.name:
            raise KeyboardInterrupt(name)
        with super().phase(name, total, unit) as report:
            yield report


def test_killed_before_any_phase_it_goes_on_to_the_same_index(built: Built, corpus: Path, tmp_path: Path) -> None:
    expected = built.manifest("tiered")
    for name in ("quality", "encode", "cold dense", "dense", "cold sparse", "sparse", "forward"):
        with pytest.raises(KeyboardInterrupt, match=name):
            build(open_corpus(str(corpus), expected.config.corpus), tmp_path, expected.config, Killed(name))
    seen = Phases()
    manifest = build(open_corpus(str(corpus), expected.config.corpus), tmp_path, expected.config, seen)
    assert list(seen.totals) == ["forward"]
    assert manifest.fingerprint == expected.fingerprint


def test_chosen_vectors_come_in_the_shards_that_they_would_have_alone() -> None:
    generator = np.random.default_rng(7)
    vectors = generator.normal(size=(3 * SHARD + 100, 2)).astype(np.float32)
    shards = [vectors[start : start + SHARD] for start in range(0, len(vectors), SHARD)]
    for count in (0, 1, SHARD - 1, SHARD, SHARD + 1, 2 * SHARD + 5, len(vectors)):
        rows = np.sort(generator.permutation(len(vectors))[:count]).astype(np.int32)
        found = list(chosen(iter(shards), rows))
        assert [len(one) for one in found] == [SHARD] * (count // SHARD) + [count % SHARD] * (count % SHARD > 0)
        assert np.array_equal(np.concatenate([vectors[:0], *found]), vectors[rows])
