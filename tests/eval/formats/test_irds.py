"""ir-datasets ids, on data sets registered from local files: no network, and a home in a temporary folder."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tamis.errors import CorpusError, InvalidInput, MissingPrerequisite, NotFound
from tamis.eval.judged import check_judged_ids, read_judged
from tamis.indexer.build import build
from tamis.indexer.config import CorpusConfig, IndexConfig
from tamis.indexer.corpus.irds import title_and_text
from tamis.indexer.corpus.open import open_corpus
from tamis.indexer.passage import Document
from tamis.indexer.passages import PassageStore

Register = Callable[..., str]

DOCS = "d1\tA drum sieve.\nd2\tIts mesh.\n"
QUERIES = "q1\twhat is a tamis\nq2\tmesh\n"
QRELS = "q1 0 d1 2\nq1 0 d2 0\nq2 0 d2 1\n"


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """ir-datasets, which makes its home when it is imported."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IR_DATASETS_HOME", str(tmp_path_factory.mktemp("irds")))
        yield pytest.importorskip("ir_datasets")


@pytest.fixture
def register(library: Any, tmp_path: Path) -> Iterator[Register]:
    """Register a data set of local files under an id, for one test."""
    before = dict(library.registry._registered)

    def add(id_: str, docs: str | None = DOCS, queries: str | None = QUERIES, qrels: str | None = QRELS) -> str:
        texts = {"docs_tsv": docs, "queries_tsv": queries, "qrels_trec": qrels}
        files = {}
        for name, text in texts.items():
            if text is not None:
                files[name] = tmp_path / f"{id_.replace('/', '-')}.{name}"
                files[name].write_text(text)
        library.registry.register(id_, library.create_dataset(**{name: str(path) for name, path in files.items()}))
        return f"irds:{id_}"

    yield add
    library.registry._registered.clear()
    library.registry._registered.update(before)


def test_queries_judgments_and_texts(register: Register) -> None:
    judged = read_judged(register("local/small/test"), "test")
    assert (judged.name, judged.split, judged.corpus) == ("local/small", "test", "irds:local/small/test")
    assert [(query.id, query.text) for query in judged.queries] == [("q1", "what is a tamis"), ("q2", "mesh")]
    assert judged.qrels == {"q1": {"d1": 2, "d2": 0}, "q2": {"d2": 1}} and judged.warnings == []
    assert judged.texts(["d2"]) == {"d2": ("", "Its mesh.")}


def test_the_corpus_is_streamed_and_its_digest_is_of_its_documents(register: Register) -> None:
    corpus = open_corpus(register("local/one"), CorpusConfig())
    assert (corpus.name, corpus.format, corpus.files, corpus.size_bytes) == ("local/one", "irds", (), None)
    assert list(corpus.records()) == [
        Document("d1", "", "A drum sieve.", {}, "irds:local/one:1"),
        Document("d2", "", "Its mesh.", {}, "irds:local/one:2"),
    ]
    same = open_corpus(register("local/same"), CorpusConfig())
    other = open_corpus(register("local/other", DOCS.replace("mesh", "rim")), CorpusConfig())
    assert corpus.digest() == same.digest() != other.digest()


def test_the_split_is_appended_where_the_id_has_no_judgments(register: Register) -> None:
    register("local/set", qrels=None)
    register("local/set/dev")
    assert read_judged("irds:local/set", "dev").corpus == "irds:local/set/dev"
    with pytest.raises(NotFound, match="irds:local/set has no judgments itself, and ir-datasets knows no"):
        read_judged("irds:local/set", "test")
    assert read_judged("irds:local/set/dev", "test").split == "dev", "the default split says nothing"
    with pytest.raises(InvalidInput, match="split 'train' is no part of it"):
        read_judged("irds:local/set/dev", "train")


def test_unknown_ids_name_their_neighbours(register: Register) -> None:
    with pytest.raises(NotFound, match="knows no 'beir/scifcat/test'; near it are beir/scifact"):
        read_judged("irds:beir/scifcat/test", "test")
    with pytest.raises(NotFound, match="knows no"):
        open_corpus("irds:beir/nothing-like-it-at-all", CorpusConfig())
    with pytest.raises(NotFound, match="has no queries"):
        read_judged(register("local/half", queries=None), "test")
    with pytest.raises(CorpusError, match="has no documents of its own"):
        list(open_corpus(register("local/none", docs=None), CorpusConfig()).records())


@pytest.mark.parametrize(
    ("queries", "qrels", "message"),
    [
        (QUERIES, QRELS + "q9 0 d1 1\n", "1 judged queries have no text, the first is 'q9'"),
        (QUERIES, QRELS + "q1 0 d1 1\n", "1 rows judge a passage again and differently"),
        (QUERIES, "q1 0 d1 high\n", "cannot be read: ValueError: invalid literal"),
    ],
)
def test_what_is_malformed_is_refused(register: Register, queries: str, qrels: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        read_judged(register("local/bad", queries=queries, qrels=qrels), "test")


def test_files_that_are_gone_are_named(register: Register, tmp_path: Path) -> None:
    id_ = register("local/gone")
    (tmp_path / "local-gone.docs_tsv").unlink()
    with pytest.raises(CorpusError, match=r"irds:local/gone cannot be read: FileNotFoundError: .*docs_tsv"):
        list(open_corpus(id_, CorpusConfig()).records())


def test_grades_that_mean_exclusion_are_no_judgments(library: Any, register: Register) -> None:
    """ir-datasets writes BRIGHT's excluded ids as judgments of grade -100."""
    id_ = register("local/excluded", qrels=QRELS + "q2 0 d1 -100\n")
    dataset = library.load("local/excluded")
    qrels = next(part for part in dataset._constituents if hasattr(part, "qrels_handler"))
    qrels.qrels_handler()._qrels_defs = {1: "Relevant", -100: "Excluded from evaluation"}
    judged = read_judged(id_, "test")
    assert judged.qrels["q2"] == {"d2": 1} and judged.excluded == {"q2": {"d1"}}


class Beir(NamedTuple):
    """Most begin with the title."""

    doc_id: str
    text: str
    title: str

    def default_text(self) -> str:
        """Give what to index."""
        return f"{self.title} {self.text}"


class Abstract(NamedTuple):
    """Some have several fields of text."""

    doc_id: str
    title: str
    abstract: str
    body: str

    def default_text(self) -> str:
        """Give what to index."""
        return f"{self.title} {self.abstract} {self.body}"


class Bare(NamedTuple):
    """Data sets of others need not have the method."""

    doc_id: str
    body: str


class Named(NamedTuple):
    """A title that the library does not count as text."""

    doc_id: str
    title: str
    text: str

    def default_text(self) -> str:
        """Give what to index."""
        return self.text


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (Beir("1", "text", "title"), ("title", "text")),
        (Beir("1", "text", ""), ("", "text")),
        (Abstract("1", "title", "abstract", "body"), ("title", "abstract body")),
        (Bare("1", "body"), ("", "body")),
        (Named("1", "not to be indexed", "text"), ("", "text")),
    ],
)
def test_title_and_text_are_what_the_library_says_to_index(document: Any, expected: tuple[str, str]) -> None:
    assert title_and_text(document) == expected


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ir_datasets", None)
    with pytest.raises(MissingPrerequisite, match=r"needs ir-datasets .*pip install 'tamis\[eval\]'"):
        read_judged("irds:beir/scifact/test", "test")


def test_the_librarys_home_is_made_only_when_it_is_used(tmp_path: Path) -> None:
    """Importing it makes folders in the user's home; reading other collections must not."""
    code = (
        "import sys; from tamis.eval.judged import read_judged; read_judged('pydocs', 'test');"
        "print('ir_datasets' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={"HOME": str(tmp_path)}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False" and not list(tmp_path.iterdir())


def test_an_index_is_built_of_it(register: Register, tmp_path: Path) -> None:
    """What `tamis index build irds:...` does; the same data set again is the same index."""
    config = IndexConfig()
    id_ = register("local/index/test")
    manifest = build(open_corpus(id_, config.corpus), tmp_path / "index", config)
    assert (manifest.corpus.name, manifest.corpus.format, manifest.passages) == ("local/index/test", "irds", 2)
    assert build(open_corpus(id_, config.corpus), tmp_path / "index", config).version == manifest.version
    passages = PassageStore(tmp_path / "index" / "versions" / manifest.version / "passages.arrow")
    assert check_judged_ids(read_judged(id_, "test"), passages.all_ids()) == []
    passages.close()


@pytest.mark.data
def test_a_real_collection_through_the_library(library: Any, data_folder: Path, tmp_path: Path) -> None:
    """Cranfield in the library's own jsonl and TREC formats says the same as its folder."""
    import gzip

    beir = read_judged(str(data_folder / "cranfield"), "test")
    with gzip.open(data_folder / "cranfield" / "corpus.jsonl.gz") as source:
        (tmp_path / "corpus.jsonl").write_bytes(source.read())
    with gzip.open(data_folder / "cranfield" / "queries.jsonl.gz") as source:
        (tmp_path / "queries.jsonl").write_bytes(source.read())
    lines = (f"{query} 0 {id_} {grade}\n" for query, found in beir.qrels.items() for id_, grade in found.items())
    (tmp_path / "qrels").write_text("".join(lines))
    formats, local = library.formats, library.util.LocalDownload
    docs = formats.JsonlDocs(
        [local(tmp_path / "corpus.jsonl")], Beir, {"doc_id": "_id", "text": "text", "title": "title"}
    )
    queries = formats.JsonlQueries([local(tmp_path / "queries.jsonl")], mapping={"query_id": "_id", "text": "text"})
    qrels = formats.TrecQrels(local(tmp_path / "qrels"), {})
    library.registry.register("local-cranfield", library.Dataset(docs, queries, qrels))
    judged = read_judged("irds:local-cranfield", "test")
    assert (judged.queries, judged.qrels, judged.fingerprint) == (beir.queries, beir.qrels, beir.fingerprint)
    ids = {"1", "995", "1400"} - {"995"}  # 995 is empty
    assert judged.texts(ids) == beir.texts(ids)
    with pytest.raises(InvalidInput, match=r"1 of 2 passages .* '995' \(text and title are both empty\)"):
        judged.texts({"1", "995"})
