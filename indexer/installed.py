"""What is installed here of the packages that decide the bytes of an index."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed

SPLITTER = "semantic-text-splitter"
"""The package that says where sentences end."""

CUTTERS = (SPLITTER, "tokenizers", "regex")
"""Packages that cut texts: what was cut by other versions of them is cut again."""


def versions_here() -> dict[str, str]:
    """Return the versions of what decides the bytes of an index, by package, as they are installed."""
    found = {"python": platform.python_version()}
    for package in ("tamis", "faiss-cpu", "faiss-gpu", "onnxruntime", "onnxruntime-gpu", "bm25s", "pyserini", *CUTTERS):
        try:
            found[package] = installed(package)
        except PackageNotFoundError:
            continue
    return found
