"""The running Python's own documentation as a corpus."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tamis.indexer.config import CorpusConfig
from tamis.indexer.corpus.open import open_corpus
from tamis.indexer.corpus.pydocs import read_pydocs
from tamis.indexer.passage import Document


@pytest.fixture(scope="module")
def pydocs() -> dict[str, Document]:
    documents = {}
    for record in open_corpus("pydocs", CorpusConfig()).records():
        assert isinstance(record, Document), record
        documents[record.id] = record
    return documents


def test_names_that_every_python_has(pydocs: dict[str, Document]) -> None:
    """Modules, functions, classes and methods, in Python and in C."""
    assert len(pydocs) > 6000
    for name, kind in [
        ("shutil.copytree", "function"), ("json", "module"), ("collections.OrderedDict", "class"),
        ("pathlib.Path.exists", "method"), ("math.gcd", "function"), ("itertools.chain", "class"),
        ("builtins.str.split", "method"), ("os.getpid", "function"), ("bisect.bisect_left", "function"),
    ]:  # fmt: skip
        assert pydocs[name].metadata["kind"] == kind, name
        assert pydocs[name].title.startswith(name)
    assert pydocs["math.gcd"].text == "Greatest Common Divisor."
    assert pydocs["json"].metadata == {"module": "json", "kind": "module", "package": "json"}


def test_no_private_names_and_no_loaders(pydocs: dict[str, Document]) -> None:
    """What a module of C keeps for the import system is no documentation of it."""
    assert not [name for name in pydocs if ".__loader__" in name or ".__spec__" in name]
    assert not [name for name in pydocs if any(part[0] == "_" and part[-1] != "_" for part in name.split("."))]


def test_packages_are_read_and_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package is parsed where it lies, and none of its modules comes to life."""
    (tmp_path / "tamis_example").mkdir()
    (tmp_path / "tamis_example" / "__init__.py").write_text('"""An example."""\nraise RuntimeError("imported")\n')
    (tmp_path / "tamis_example" / "part.py").write_text(
        'class Sieve:\n    """A sieve."""\n    def sift(self, flour=1):\n        """Sift."""\n'
        '    def _own(self):\n        """No."""\n'
    )
    monkeypatch.syspath_prepend(tmp_path)
    found = [d for d in read_pydocs(("tamis_example",)) if d.metadata["package"] == "tamis_example"]
    assert [(d.id, d.title, d.text) for d in found] == [
        ("tamis_example", "tamis_example", "An example."),
        ("tamis_example.part.Sieve", "tamis_example.part.Sieve", "A sieve."),
        ("tamis_example.part.Sieve.sift", "tamis_example.part.Sieve.sift(self, flour=1)", "Sift."),
    ]


def test_what_a_library_hooks_into_sys_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line replaces `sys.excepthook`; the corpus must be the same in every process."""
    before = {document.id: document.text for document in read_pydocs()}
    monkeypatch.setattr(sys, "excepthook", lambda *about: None)
    assert {document.id: document.text for document in read_pydocs()} == before
    assert "sys.excepthook" in before
