"""Indexes of sentences, built for real: found as NumPy finds them, changed as built anew, whole after a kill."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

import tamis
from tamis.errors import BuildError, InvalidInput
from tamis.eval.prune.trial import make_trial
from tamis.eval.tune.first_stage import FirstStage
from tamis.indexer import encoding
from tamis.indexer.build import build
from tamis.indexer.config import DenseConfig, IndexConfig, QualityConfig, SparseConfig
from tamis.indexer.corpus.given import write_given
from tamis.indexer.corpus.open import Corpus, open_corpus
from tamis.indexer.manifest import IndexManifest
from tamis.indexer.published import PublishedIndex
from tamis.indexer.restore import restore
from tamis.indexer.sentence_index import SentenceIndex
from tamis.indexer.sentences import sentence_spans
from tamis.indexer.update import Changes, update
from tamis.indexer.versions import IndexFolder
from tamis.models.encoder import Encoder
from tamis.rankers.config import PipelineConfig
from tamis.rankers.engine import Engine
from tamis.rankers.ranking import Query

QUESTIONS = [
    "copy a whole directory tree",
    "delete a folder",
    "which day of the week is it",
    "insert into a sorted list",
]


def config_of(kind: str = "flat", **more: Any) -> IndexConfig:
    """Sentences, with a word index that needs no Java; HNSW is searched so widely that it finds all."""
    dense = DenseConfig(units="sentence", flat_below=10**6 if kind == "flat" else 0, ef_search=4_000)
    return IndexConfig(sparse=SparseConfig(engine="bm25s"), dense=dense, **more)


@pytest.fixture(scope="module")
def three_modules(tmp_path_factory: pytest.TempPathFactory, tiny_corpus: Path) -> Path:
    """The documentation of three of the small corpus' modules."""
    path = tmp_path_factory.mktemp("corpus") / "corpus.jsonl"
    kept = [
        line
        for line in tiny_corpus.read_bytes().splitlines(keepends=True)
        if orjson.loads(line)["metadata"]["package"] in {"bisect", "calendar", "shutil"}
    ]
    path.write_bytes(b"".join(kept))
    return path


@pytest.fixture(scope="module", params=["flat", "hnsw"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, three_modules: Path) -> Any:
    """Their index with a vector for each sentence, open."""
    out = tmp_path_factory.mktemp("sentences") / request.param
    config = config_of(request.param, corpus={"metadata": {"package": "string"}})
    build(open_corpus(str(three_modules), config.corpus), out, config)
    with Engine.open(out) as opened:
        yield opened


def test_the_manifest_counts_the_sentences(engine: Engine) -> None:
    manifest = engine.index.manifest
    cut = [max(1, len(sentence_spans(passage.text))) for passage in engine.index.passages]
    assert (manifest.units, manifest.vectors, manifest.format) == (sum(cut), sum(cut), 3)
    assert sum(cut) > 2 * manifest.passages
    assert "units.npy" in manifest.files
    assert manifest.dense_recall is None or manifest.dense_recall > 0.99


def test_the_dense_arm_ranks_by_the_best_sentence(engine: Engine) -> None:
    """Sentences are encoded here one by one, and the largest product of each passage is looked for without an index."""
    index = engine.index
    asked = index.encoder.encode(QUESTIONS, "query")
    scores = np.empty((len(QUESTIONS), len(index.passages)), np.float32)
    for row, passage in enumerate(index.passages):
        parts = [passage.text[start:end] for start, end in sentence_spans(passage.text)]
        texts = [f"{passage.title}\n{part}" for part in parts] if len(parts) > 1 else [passage.contents]
        scores[:, row] = (index.encoder.encode(texts, "passage") @ asked.T).max(axis=0)
    queries = [Query(str(place), text) for place, text in enumerate(QUESTIONS)]
    found = engine.pipeline.retrievers["dense"].retrieve(queries, 40)
    for one, exact in zip(found, scores, strict=True):
        assert one.scores == pytest.approx(exact[one.rows], abs=1e-5)
        assert np.sort(exact)[::-1][:40] == pytest.approx(one.scores, abs=1e-5)
        assert len(set(one.rows.tolist())) == 40


def test_the_rest_of_the_pipeline_sees_passages(engine: Engine) -> None:
    hits = engine.search(QUESTIONS[0], 20, filter={"type": "eq", "field": "package", "value": "shutil"}).hits
    assert hits[0].id == "shutil.copytree"
    assert {hit.metadata["package"] for hit in hits} == {"shutil"}
    assert len({hit.id for hit in hits}) == len(hits)
    assert hits[0].stages["dense"] is not None
    assert engine.explain(QUESTIONS[0], "shutil.copytree").id == "shutil.copytree"


def test_variety_and_tuning_work_on_it(engine: Engine) -> None:
    """Similarity is between passages' vectors; what a trial is given is what the pipeline's own arm finds."""
    with tamis.open(engine.index.folder.parent.parent) as opened:
        varied = opened.search(QUESTIONS[0], 10, diversity=0.7)
    plain = engine.search(QUESTIONS[0], 10)
    assert varied.hits[0].id == plain.hits[0].id
    assert [hit.id for hit in varied.hits] != [hit.id for hit in plain.hits]
    queries = [Query(str(place), text) for place, text in enumerate(QUESTIONS)]
    for depth in (10, 30):
        config = PipelineConfig(retrievers=("dense",), weights={"dense": 1.0}, dense_depth=depth, ef_search=60)
        stage = FirstStage(engine.index, queries, 100, lambda done: None).found(config)["dense"]
        with Engine.open(engine.index.folder.parent.parent, config) as alone:
            asked = alone.pipeline.retrieve(queries).found["dense"]
        assert [one.rows.tolist() for one in stage] == [one.rows.tolist() for one in asked]


def test_a_pruning_trial_is_refused(engine: Engine, tmp_path: Path) -> None:
    keep = np.arange(20, dtype=np.int32)
    with pytest.raises(InvalidInput, match=r'dense\.units = "passage"'):
        make_trial(engine.index, keep, np.zeros(len(engine.index.passages), np.float32), tmp_path / "trial")


Records = list[dict[str, object]]

RECORDS: Records = [
    {"id": f"d{number}", "title": f"Title {number}", "text": " ".join(
        f"Sentence {place} of passage {number} speaks of topic {(number * place) % 7}." for place in range(number % 5)
    )} for number in range(40)
]  # fmt: skip


def given(records: Records, folder: Path) -> Corpus:
    """Records as a corpus."""
    folder.mkdir(exist_ok=True)
    return write_given(records, folder / "passages.jsonl", config_of().corpus)


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every text that the encoder reads from now on; it reads them as ever."""
    texts: list[str] = []
    real = Encoder.encode

    def counted(self: Encoder, given: Sequence[str], *rest: Any, **named: Any) -> Any:
        texts.extend(given)
        return real(self, given, *rest, **named)

    monkeypatch.setattr(Encoder, "encode", counted)
    return texts


def test_changed_it_is_as_built_anew(tmp_path: Path, encoded: list[str]) -> None:
    """The encoder reads the sentences of changed passages alone; every file has the bytes of a full build."""
    config = config_of("hnsw")
    build(given(RECORDS, tmp_path / "corpus"), tmp_path / "index", config)
    encoded.clear()
    new = "A passage that was not there before has come. It says two things, and this is the second."
    changed: Records = [{**RECORDS[4], "text": f"{RECORDS[4]['text']} {new}"}]
    added: Records = [{"id": "new", "text": new}, {"id": "copy", "title": "Title 9", "text": RECORDS[9]["text"]}]
    # Title and text of this one read as those of `d7` do together, but its sentences have no title.
    added.append({"id": "split", "text": f"Title 7\n{RECORDS[7]['text']}"})
    changes = Changes(given(added, tmp_path / "a"), given(changed, tmp_path / "u"), ["d0", "d39"])
    done = update(tmp_path / "index", changes)
    assert (done.encoded, done.reused) == (3, 38)
    assert len(encoded) == 6 + 2 + 2
    full = build(given([*RECORDS[1:4], *changed, *RECORDS[5:39], *added], tmp_path / "f"), tmp_path / "full", config)
    assert done.manifest.files == full.files
    assert (done.manifest.fingerprint, done.manifest.units) == (full.fingerprint, full.units)


def test_another_splitter_has_all_encoded_again(tmp_path: Path, encoded: list[str]) -> None:
    """Sentences may end elsewhere then, and the number of them would not always tell."""
    build(given(RECORDS, tmp_path / "corpus"), tmp_path / "index", config_of())
    folder = IndexFolder(tmp_path / "index").current()
    manifest = IndexManifest.read(folder)
    manifest.model_copy(update={"built_with": {**manifest.built_with, "semantic-text-splitter": "0.1"}}).write(folder)
    encoded.clear()
    changed = update(tmp_path / "index", Changes(delete=["d0"])).manifest
    assert len(encoded) == changed.units


def test_restored_it_is_as_built_whole(tmp_path: Path, encoded: list[str]) -> None:
    pruned = config_of(quality=QualityConfig(estimator="length", prune=0.25))
    manifest = build(given(RECORDS, tmp_path / "corpus"), tmp_path / "index", pruned)
    assert manifest.passages == 30
    assert manifest.units is not None
    encoded.clear()
    restored = restore(tmp_path / "index")
    whole = build(
        given(RECORDS, tmp_path / "corpus"), tmp_path / "whole", config_of(quality=QualityConfig(estimator="length"))
    )
    assert restored.units is not None
    assert restored.files == whole.files
    assert len(encoded) == restored.units - manifest.units + restored.units, "the build encodes all, restoring the rest"


def test_an_index_without_sentences_is_as_it_was(tiny_index: Path) -> None:
    """Neither file nor configuration speaks of them, so that an older Tamis opens it and its fingerprint stays."""
    values = orjson.loads((IndexFolder(tiny_index).current() / "manifest.json").read_bytes())
    assert values["format"] == 2
    assert "units" not in values
    assert "units" not in values["config"]["dense"]
    assert "units.npy" not in values["files"]
    with PublishedIndex.open(tiny_index) as index:
        assert not isinstance(index.dense, SentenceIndex)
        assert index.manifest.vectors == index.manifest.passages


def test_an_older_tamis_is_told_that_it_is_too_old() -> None:
    """It reads formats 1 and 2."""
    from tamis.indexer.manifest import format_of

    assert (format_of(IndexConfig()), format_of(config_of())) == (2, 3)


def test_stopped_it_goes_on_after_the_last_whole_shard(
    tmp_path: Path, encoded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shards are of units, not of passages: one may end within a passage."""
    config = config_of()  # HNSW would keep the places of shards in its bytes
    whole = build(given(RECORDS, tmp_path / "corpus"), tmp_path / "whole", config)
    texts = list(encoded)
    monkeypatch.setattr(encoding, "SHARD", 16)
    counting = Encoder.encode

    def failing(self: Encoder, *rest: Any, **named: Any) -> Any:
        if len(encoded) >= 48:
            raise OSError(28, "No space left on device")
        return counting(self, *rest, **named)

    encoded.clear()
    with monkeypatch.context() as patched:
        patched.setattr(Encoder, "encode", failing)
        with pytest.raises(BuildError, match="run the same command to go on"):
            build(given(RECORDS, tmp_path / "corpus"), tmp_path / "index", config)
    assert encoded == texts[:48]
    resumed = build(given(RECORDS, tmp_path / "corpus"), tmp_path / "index", config)
    assert encoded == texts
    assert (resumed.files, resumed.units) == (whole.files, len(texts))


@pytest.mark.slow
def test_killed_it_goes_on_to_the_same_index(tmp_path: Path, three_modules: Path) -> None:
    command = [sys.executable, "-m", "tamis.cli", "index", "build", str(three_modules), "--sparse", "bm25s", "--out"]
    environment = {**os.environ, "TAMIS__DENSE__UNITS": "sentence", "TAMIS__DENSE__FLAT_BELOW": "0"}
    killed = tmp_path / "killed"
    for seconds in (2.0, 3.5):
        process = subprocess.Popen(
            [*command, str(killed)], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        time.sleep(seconds)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for out in (killed, tmp_path / "whole"):
        subprocess.run([*command, str(out)], check=True, capture_output=True, env=environment)
    resumed, whole = (IndexManifest.read(IndexFolder(out).current()) for out in (killed, tmp_path / "whole"))
    assert resumed.files == whole.files
    assert resumed.units == whole.units is not None
    shutil.rmtree(killed)
