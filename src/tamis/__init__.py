"""Tamis: two-stage neural retrieval. What you evaluate is what you serve.

>>> import tamis
>>> with tamis.open("my-index") as engine:
...     for hit in engine.search("how do I sort a list", k=5).hits:
...         print(hit.rank, hit.id, hit.score)
"""

from __future__ import annotations

from importlib.metadata import version as _version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tamis.rankers.config import PipelineConfig
    from tamis.rankers.engine import Engine

__all__ = ["__version__", "open"]

__version__ = _version("tamis")


def open(path: Path | str, config: PipelineConfig | None = None, version: str | None = None) -> Engine:  # noqa: A001
    """Open an index for searching.

    Args:
        path: folder of the index.
        config: the path of a query; None: the defaults.
        version: a published version by name; None: the current one.

    Raises:
        tamis.errors.NotFound: no index is there.
        tamis.errors.DamagedFile: a file differs from the index's manifest.
    """
    from tamis.rankers.engine import Engine  # here, so that `import tamis` stays light

    return Engine.open(path, config, version)
