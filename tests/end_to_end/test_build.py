from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import orjson
import pytest

from tamis.errors import BuildError, CorpusError, DamagedFile
from tamis.indexer.build import build
from tamis.indexer.config import IndexConfig
from tamis.indexer.corpus.open import open_corpus
from tamis.indexer.manifest import IndexManifest
from tamis.indexer.published import PublishedIndex
from tamis.indexer.versions import IndexFolder
from tamis.rankers.engine import Engine

TAMIS = [sys.executable, "-m", "tamis.cli"]


def make(corpus: Path, out: Path, **corpus_settings: object) -> IndexManifest:
    """Build an index with bm25s, which starts faster than Lucene."""
    config = IndexConfig.model_validate({"sparse": {"engine": "bm25s"}, "corpus": corpus_settings})
    return build(open_corpus(str(corpus), config.corpus), out, config)


def answers(index: Path) -> list[tuple[str, float]]:
    """What an index says to three queries."""
    with Engine.open(index) as engine:
        results = engine.search_many(["random element", "copy a tree", "median of numbers"], k=20)
        return [(hit.id, hit.score) for result in results for hit in result.hits]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, tiny_corpus: Path) -> Path:
    """An index that was built without disturbance."""
    out = tmp_path_factory.mktemp("finished") / "index"
    make(tiny_corpus, out)
    return out


def test_the_manifest_says_what_was_built(finished: Path, tiny_corpus: Path) -> None:
    manifest = IndexManifest.read(finished / "current")
    lines = tiny_corpus.read_bytes().splitlines()
    assert manifest.passages == manifest.corpus.documents == len(lines)
    assert (manifest.sparse_engine, manifest.dense_kind, manifest.corpus.format) == ("bm25s", "flat", "beir")
    assert manifest.encoder.dimension == 384
    assert not (finished / "building").exists() or not any((finished / "building").iterdir())
    with PublishedIndex.open(finished) as index:
        for row in (0, len(lines) // 2, len(lines) - 1):
            line = orjson.loads(lines[row])
            passage = index.passages.take([row])[0]
            assert (passage.id, passage.title, passage.text) == (line["_id"], line["title"], line["text"])


def test_the_forward_index_reads_the_passages_in_order(finished: Path) -> None:
    manifest = IndexManifest.read(finished / "current")
    assert "forward/forward.json" in manifest.files
    with PublishedIndex.open(finished) as index:
        assert index.forward is not None
        assert index.forward.passages == manifest.passages
        row = manifest.passages // 2
        asked = index.forward.read_query(index.passages.take([row])[0].contents)["wordpiece"]
        assert index.forward.pieces.of(row).tolist() == asked.numbers.tolist()


def test_an_index_without_a_forward_index(tmp_path: Path, finished: Path, tiny_corpus: Path) -> None:
    """It has no such files, and answers as one that has them."""
    config = IndexConfig.model_validate({"sparse": {"engine": "bm25s"}, "forward": {"enabled": False}})
    manifest = build(open_corpus(str(tiny_corpus), config.corpus), tmp_path, config)
    assert not [name for name in manifest.files if name.startswith("forward")]
    with PublishedIndex.open(tmp_path) as index:
        assert index.forward is None
    assert answers(tmp_path) == answers(finished)


def test_an_hnsw_index_carries_its_measured_recall(tmp_path: Path, tiny_corpus: Path) -> None:
    config = IndexConfig.model_validate({"sparse": {"engine": "bm25s"}, "dense": {"flat_below": 0}})
    manifest = build(open_corpus(str(tiny_corpus), config.corpus), tmp_path, config)
    assert manifest.dense_kind == "hnsw"
    assert manifest.dense_recall is not None
    assert manifest.dense_recall > 0.99
    with Engine.open(tmp_path) as engine:
        assert engine.search("copy a whole directory tree", k=1).hits[0].id == "shutil.copytree"


def test_the_same_command_again_builds_nothing(finished: Path, tiny_corpus: Path) -> None:
    before = IndexFolder(finished).versions()
    assert make(tiny_corpus, finished).version == before[-1]
    assert IndexFolder(finished).versions() == before
    assert not any((finished / "building").iterdir()), "nothing was built, so nothing is left over"


def test_another_corpus_is_a_new_version_and_rollback_brings_the_old_one_back(
    tmp_path: Path, finished: Path, tiny_corpus: Path
) -> None:
    out = tmp_path / "index"
    shutil.copytree(finished, out, symlinks=True)
    first = IndexFolder(out).current().name
    shorter = tmp_path / "corpus.jsonl"
    shorter.write_bytes(b"\n".join(tiny_corpus.read_bytes().splitlines()[:50]))
    second = make(shorter, out)
    assert second.passages == 50
    assert IndexFolder(out).current().name == second.version != first
    IndexFolder(out).rollback(first)
    assert answers(out) == answers(finished)


@pytest.mark.parametrize(
    "name",
    [
        "passages.arrow",
        "vectors.faiss",
        "id_rank.npy",
        "encoder/model.onnx",
        "encoder/bundle.json",
        "forward/words/low.npy",
    ],
)
@pytest.mark.parametrize("damage", ["flip", "truncate", "remove"])
def test_a_damaged_file_is_refused_by_name(tmp_path: Path, finished: Path, name: str, damage: str) -> None:
    out = tmp_path / "index"
    shutil.copytree(finished, out, symlinks=True)
    path = IndexFolder(out).current() / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.unlink()  # the original may be hard-linked
    if damage != "remove":
        path.write_bytes(content if damage == "flip" else content[:-7])
    with pytest.raises(DamagedFile, match=name):
        Engine.open(out)


def test_every_file_of_the_index_is_in_the_manifest(finished: Path) -> None:
    folder = IndexFolder(finished).current()
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert names - {"manifest.json"} == set(IndexManifest.read(folder).files)
    assert not [name for name in names if ".tmp-" in name]


def test_bad_records_stop_the_build_with_file_and_line(tmp_path: Path, finished: Path, tiny_corpus: Path) -> None:
    out = tmp_path / "index"
    shutil.copytree(finished, out, symlinks=True)
    bad = tmp_path / "corpus.jsonl"
    lines = tiny_corpus.read_bytes().splitlines()
    bad.write_bytes(b"\n".join([*lines[:3], b"{broken", lines[4], lines[0]]))
    with pytest.raises(CorpusError, match=r"corpus\.jsonl:4(.|\n)*corpus\.jsonl:6") as caught:
        make(bad, out)
    assert "--skip-bad" in str(caught.value)
    assert answers(out) == answers(finished), "what was published must be untouched"


def test_skip_bad_builds_on_and_lists_the_rejects(tmp_path: Path, tiny_corpus: Path) -> None:
    bad = tmp_path / "corpus.jsonl"
    lines = tiny_corpus.read_bytes().splitlines()
    bad.write_bytes(b"\n".join([*lines[:3], b"{broken", lines[4], lines[0]]))
    manifest = make(bad, tmp_path / "index", skip_bad=True)
    assert (manifest.passages, manifest.corpus.rejected) == (4, 2)
    rejects = (tmp_path / "index" / "current" / "rejects.jsonl").read_bytes().splitlines()
    assert [orjson.loads(line)["source"].rpartition(":")[2] for line in rejects] == ["4", "6"]
    assert all(orjson.loads(line)["reason"] for line in rejects)


def test_only_bad_records_publish_nothing(tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text("{}\n")
    with pytest.raises(CorpusError, match="nothing to index"):
        make(tmp_path / "corpus.jsonl", tmp_path / "index", format="beir", skip_bad=True)
    assert IndexFolder(tmp_path / "index").versions() == []


def test_a_full_disk_is_named_and_the_old_version_stays(tmp_path: Path, finished: Path) -> None:
    """A folder that takes no more than a few kilobytes: what a full disk looks like to a writer."""
    import resource

    out = tmp_path / "index"
    shutil.copytree(finished, out, symlinks=True)
    more = tmp_path / "corpus.jsonl"
    more.write_bytes(b"".join(orjson.dumps({"_id": str(n), "text": f"text {n} " * 50}) + b"\n" for n in range(3000)))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    kept = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        with pytest.raises(BuildError, match="untouched"):
            make(more, out)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, kept)
    assert answers(out) == answers(finished)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 110 MB: room for one index with its encoder, not for two."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=110m", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(mount, check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("mounting a file system needs root")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_disk_that_is_really_full(tmp_path: Path, tiny_corpus: Path, small_disk: Path) -> None:
    """The error names the cause, the old version answers, and with more room the same call goes on to the end."""
    out = small_disk / "index"
    make(tiny_corpus, out)
    before = answers(out)
    more = tmp_path / "corpus.jsonl"
    more.write_bytes(b"\n".join(tiny_corpus.read_bytes().splitlines()[:60]))
    with pytest.raises(BuildError, match="No space left on device") as caught:
        make(more, out)
    assert "run the same command to go on" in str(caught.value)
    assert answers(out) == before
    subprocess.run(["mount", "-o", "remount,size=300m", str(small_disk)], check=True)
    assert make(more, out).passages == 60


def kill_at_random_points(corpus: Path, out: Path, kills: int, seed: int) -> None:
    """Start the build again and again, and end it with SIGKILL after a random time."""
    command = [*TAMIS, "index", "build", str(corpus), "--out", str(out), "--sparse", "bm25s"]
    generator = random.Random(seed)
    for _ in range(kills):
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        time.sleep(generator.uniform(0.3, 6.0))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if (out / "current").is_symlink():
            with Engine.open(out) as engine:
                assert engine.search("random element", k=1).hits
    subprocess.run(command, check=True, capture_output=True)


def check_after_kills(corpus: Path, finished: Path, tmp_path: Path, kills: int, seed: int) -> None:
    """Kill a build that replaces an older version; the end must equal the undisturbed build."""
    out = tmp_path / "index"
    small = tmp_path / "corpus.jsonl"
    small.write_bytes(b"\n".join(corpus.read_bytes().splitlines()[:20]))
    make(small, out)  # an older version, which must answer whenever the new one is not there yet
    kill_at_random_points(corpus, out, kills, seed)
    assert answers(out) == answers(finished)
    with PublishedIndex.open(out) as resumed, PublishedIndex.open(finished) as whole:
        assert list(resumed.passages) == list(whole.passages)
        rows = np.arange(len(whole.passages), dtype=np.int32)
        assert resumed.dense.vectors(rows).tobytes() == whole.dense.vectors(rows).tobytes()
    IndexFolder(out).collect(keep=1)
    assert len(IndexFolder(out).versions()) == 1
    assert not (out / "building").exists()


def test_killed_at_a_few_points_it_goes_on_to_the_same_index(tmp_path: Path, tiny_corpus: Path, finished: Path) -> None:
    check_after_kills(tiny_corpus, finished, tmp_path, kills=4, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_killed_at_many_points_it_goes_on_to_the_same_index(tmp_path: Path, tiny_corpus: Path, finished: Path) -> None:
    check_after_kills(tiny_corpus, finished, tmp_path, kills=25, seed=2)
