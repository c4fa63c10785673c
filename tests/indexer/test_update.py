"""Changed corpora: equal to a build from scratch, paid for only where a text is new, and never half-applied."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import tamis
from tamis.errors import CorpusError, InvalidInput, NotFound
from tamis.indexer.build import build
from tamis.indexer.config import DenseConfig, IndexConfig, QualityConfig, SparseConfig
from tamis.indexer.corpus.given import write_given
from tamis.indexer.corpus.open import Corpus
from tamis.indexer.manifest import IndexManifest
from tamis.indexer.published import PublishedIndex
from tamis.indexer.quality.light import LightScorer
from tamis.indexer.sparse.analysis import Analyzer
from tamis.indexer.update import Changes, update
from tamis.indexer.versions import IndexFolder
from tamis.models.encoder import Encoder

Records = list[dict[str, object]]

CONFIG = IndexConfig(sparse=SparseConfig(engine="bm25s"), dense=DenseConfig(flat_below=10, ef_construction=40))
RECORDS: Records = [
    {"id": f"d{number}", "title": f"Title {number}", "text": f"passage {number} on topic {number % 7}",
     "metadata": {"n": number}} for number in range(60)
]  # fmt: skip


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index with HNSW over sixty passages."""
    out = tmp_path_factory.mktemp("update") / "index"
    build(given(RECORDS, out.parent / "corpus"), out, CONFIG)
    return out


@pytest.fixture
def index(built: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    import shutil

    shutil.copytree(built, tmp_path / "index", symlinks=True)
    return tmp_path / "index"


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


def given(records: Records, folder: Path) -> Corpus:
    """Records as a corpus."""
    folder.mkdir(exist_ok=True)
    return write_given(records, folder / "passages.jsonl", CONFIG.corpus)


def same_as_built(manifest: IndexManifest, records: Records, folder: Path) -> None:
    """Every file but the manifest has the bytes of a full build."""
    full = build(given(records, folder / "full-corpus"), folder / "full", CONFIG)
    assert {name: entry.sha256 for name, entry in manifest.files.items()} == {
        name: entry.sha256 for name, entry in full.files.items()
    }
    assert (manifest.fingerprint, manifest.passages, manifest.corpus.documents) == (
        full.fingerprint, full.passages, full.corpus.documents,
    )  # fmt: skip


def test_added_updated_and_deleted_it_is_as_built_anew(index: Path, tmp_path: Path, encoded: list[str]) -> None:
    """One call for all three; the encoder reads the two new texts, and nothing where the text is the same."""
    added: Records = [
        {"id": "new", "text": "a new passage"},
        {"id": "copy", "title": "Title 9", "text": RECORDS[9]["text"]},
    ]
    changed: Records = [
        {**RECORDS[5], "text": "another text"},
        {**RECORDS[6], "metadata": {"n": -1}},
    ]
    changes = Changes(given(added, tmp_path / "a"), given(changed, tmp_path / "u"), ["d0", "d59"])
    before = IndexFolder(index).current().name
    done = update(index, changes)
    assert sorted(encoded) == ["Title 5\nanother text", "a new passage"]
    assert (done.encoded, done.reused) == (2, 58)
    expected = [*RECORDS[1:5], *changed, *RECORDS[7:59], *added]
    same_as_built(done.manifest, expected, tmp_path)
    folder = IndexFolder(index)
    assert folder.current().name == done.manifest.version > before
    done.manifest.verify(folder.current())
    assert folder.rollback() == before


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every text that is cut into words from now on; it is cut as ever."""
    texts: list[str] = []
    real = Analyzer.words

    def counted(self: Analyzer, text: str) -> list[str]:
        texts.append(text)
        return real(self, text)

    monkeypatch.setattr(Analyzer, "words", counted)
    return texts


def test_passages_that_are_there_are_not_cut_into_words_again(index: Path, tmp_path: Path, cut: list[str]) -> None:
    """The forward index is as built anew all the same."""
    added: Records = [
        {"id": "new", "title": "About", "text": "Zebras, and topic 3 of a passage"},
        {"id": "none", "title": "Only", "text": ""},
    ]
    done = update(index, Changes(given(added, tmp_path / "a"), delete=["d3", "d4"]))
    assert cut == ["About", "Zebras, and topic 3 of a passage", "Only", ""]
    same_as_built(done.manifest, [*RECORDS[:3], *RECORDS[5:], *added], tmp_path)


def test_words_that_another_version_cut_are_cut_again(index: Path, cut: list[str]) -> None:
    folder = IndexFolder(index).current()
    manifest = IndexManifest.read(folder)
    manifest.model_copy(update={"built_with": {**manifest.built_with, "regex": "1.0"}}).write(folder)
    update(index, Changes(delete=["d3"]))
    assert len(cut) == 2 * 59, "titles and texts"


def test_split_documents_are_changed_whole(tmp_path: Path) -> None:
    long = " ".join(f"Sentence number {number} is here." for number in range(40))
    records: Records = [{"id": name, "text": f"{name} {long}"} for name in "abc"]
    config = CONFIG.model_copy(
        update={"split": CONFIG.split.model_copy(update={"enabled": True, "tokens": 64, "overlap": 0})}
    )
    build(given(records, tmp_path / "c"), tmp_path / "index", config)
    changed: Records = [{"id": "b", "text": f"b {long} And one more."}]
    done = update(tmp_path / "index", Changes(update=given(changed, tmp_path / "u"), delete=["a"]))
    full = build(given([*changed, records[2]], tmp_path / "f"), tmp_path / "full", config)
    assert done.manifest.fingerprint == full.fingerprint
    assert 0 < done.encoded < 4, "only the passages at the end of b are new"


@pytest.mark.parametrize(
    ("add", "change", "delete", "kind", "said"),
    [
        ([{"id": "d3", "text": "x"}], [], [], CorpusError, "'d3' is there already"),
        ([{"id": "x", "text": "x"}] * 2, [], [], CorpusError, "duplicate id"),
        ([], [{"id": "nowhere", "text": "x"}], [], NotFound, "'nowhere'"),
        ([], [], ["d1", "nowhere"], NotFound, "'nowhere'"),
        ([], [{"id": "d1", "text": "x"}], ["d1"], CorpusError, "named twice"),
        ([{"id": "x", "text": None}], [], [], CorpusError, "no text"),
        ([], [], [f"d{number}" for number in range(60)], InvalidInput, "nothing would be left"),
        ([], [], [], InvalidInput, "nothing to change"),
    ],
)
def test_what_cannot_be_leaves_the_index_as_it_was(
    index: Path, tmp_path: Path, add: Any, change: Any, delete: list[str], kind: type[Exception], said: str
) -> None:
    before = IndexFolder(index).versions()
    changes = Changes(
        given(add, tmp_path / "a") if add else None, given(change, tmp_path / "u") if change else None, delete
    )
    with pytest.raises(kind, match=said):
        update(index, changes)
    assert IndexFolder(index).versions() == before
    PublishedIndex.open(index).close()


def test_from_python(index: Path) -> None:
    tamis.update(index, add=[{"id": "new", "text": "zebras run"}], delete=["d1"])
    with tamis.open(index) as opened:
        assert opened.search("zebra running", 1).hits[0].id == "new"
        with pytest.raises(NotFound):
            opened.fetch(["d1"])


def test_quality_is_scored_again_only_where_the_text_is_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = CONFIG.model_copy(update={"quality": QualityConfig(estimator="light")})
    build(given(RECORDS, tmp_path / "corpus"), tmp_path / "index", config)
    scored: list[str] = []
    real = LightScorer.score

    def counted(self: LightScorer, texts: Sequence[str]) -> Any:
        scored.extend(texts)
        return real(self, texts)

    monkeypatch.setattr(LightScorer, "score", counted)
    new: Records = [{"id": "new", "text": "a text that is new"}]
    changed = update(tmp_path / "index", Changes(given(new, tmp_path / "new"), delete=["d3"])).manifest
    assert scored == ["a text that is new"]
    left = [record for record in RECORDS if record["id"] != "d3"]
    full = build(given([*left, *new], tmp_path / "again"), tmp_path / "full", config)
    assert changed.fingerprint == full.fingerprint


def test_an_index_that_leaves_passages_out_is_not_changed(tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"quality": QualityConfig(estimator="length", prune=0.2)})
    build(given(RECORDS, tmp_path / "corpus"), tmp_path / "index", config)
    with pytest.raises(InvalidInput, match="tamis index restore"):
        update(tmp_path / "index", Changes(delete=["d3"]))
