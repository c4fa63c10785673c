"""Choose, build and open a word index, whichever engine it has: the only module here that others import."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal, Protocol, cast

import numpy as np
import numpy.typing as npt
import orjson

from tamis.errors import DamagedFile, InvalidInput, MissingPrerequisite, NotFound

from ..config import SparseConfig
from ..progress import Report

EngineName = Literal["lucene", "bm25s"]
Texts = Callable[[], Iterable[tuple[str, str]]]
"""Streams id and contents of every passage in row order, anew at each call."""

ABOUT = "sparse.json"
"""What the index was built with; written last, so that a folder without it is no word index."""


class SparseIndex(Protocol):
    """An open word index; safe to use from several threads."""

    passages: int
    """Rows are 0 to passages - 1; a passage without words has a row that is never found."""

    def search(
        self, text: str, depth: int, allowed: npt.NDArray[np.bool_] | None = None, /
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
        """Return rows and BM25 scores of the passages that share a word with `text`.

        Args:
            text: what to look for.
            depth: how many to find.
            allowed: which rows may be found, bool[passages]; None: all.

        Returns:
            rows int32[n] and scores float32[n], n <= depth: score descending, ties by row ascending,
            scores above 0; empty where no word is known.
        """
        ...

    def close(self) -> None:
        """Let go of the files."""
        ...


def choose_engine(wanted: Literal["auto", "lucene", "bm25s"]) -> EngineName:
    """Settle which engine builds: `auto` takes Lucene where it is installed.

    Raises:
        MissingPrerequisite: Lucene is asked for and not installed.
    """
    if wanted == "bm25s":
        return "bm25s"
    from .jvm import missing  # light: looks for packages, imports none of them

    absent = missing()
    if not absent:
        return "lucene"
    if wanted == "auto":
        return "bm25s"
    raise MissingPrerequisite(
        f"the word index engine 'lucene' needs {', '.join(absent)}; install with `pip install 'tamis[lucene]'` and "
        "`pip install --no-deps pyserini==1.6.0`, or choose the engine 'bm25s'"
    )


def build_sparse(
    engine: EngineName | str, texts: Texts, count: int, folder: Path, config: SparseConfig, progress: Report
) -> None:
    """Build a word index of all passages in `folder`, which is made where there is none.

    Args:
        engine: `lucene` or `bm25s`.
        texts: streams id and contents in row order.
        count: how many passages `texts` gives.
        folder: where the index goes.
        config: language, k1 and b.
        progress: told how many passages are done so far.

    Raises:
        BuildError: it could not finish; the cause is in the message.
        MissingPrerequisite: the engine is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ABOUT).unlink(missing_ok=True)
    if _known(engine) == "lucene":
        choose_engine("lucene")
        from .lucene_build import build_lucene

        build_lucene(texts, count, folder, config, progress)
    else:
        from .lean_build import build_lean

        build_lean(texts, count, folder, config, progress)
    about = {"engine": engine, "passages": count, "language": config.language, "k1": config.k1, "b": config.b}
    (folder / ABOUT).write_bytes(orjson.dumps(about, option=orjson.OPT_INDENT_2))


def open_sparse(engine: EngineName | str, folder: Path, config: SparseConfig) -> SparseIndex:
    """Open a word index that `build_sparse` made.

    Raises:
        NotFound: no word index is there.
        DamagedFile: its description cannot be read.
        InvalidInput: it was built with another engine or language, or (bm25s, which stores scores) other k1 or b.
        MissingPrerequisite: the engine is not installed.
    """
    passages = _check(_known(engine), folder, config)
    if engine == "lucene":
        choose_engine("lucene")
        from .lucene import LuceneIndex

        return LuceneIndex(folder, passages, config)
    from .lean import LeanIndex

    return LeanIndex(folder, passages, config)


def _known(engine: str) -> EngineName:
    if engine not in ("lucene", "bm25s"):
        raise InvalidInput(f"unknown word index engine '{engine}'; expected 'lucene' or 'bm25s'")
    return cast(EngineName, engine)


def _check(engine: EngineName, folder: Path, config: SparseConfig) -> int:
    """Compare what is asked with what was built; return the number of passages."""
    path = folder / ABOUT
    if not path.is_file():
        raise NotFound(f"no word index in {folder}: {ABOUT} is not there; build the index again")
    try:
        about = orjson.loads(path.read_bytes())
        passages = int(about["passages"])
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedFile(f"{path} cannot be read ({error}); build the index again") from error
    asked: dict[str, object] = {"engine": engine, "language": config.language}
    if engine == "bm25s":
        asked |= {"k1": config.k1, "b": config.b}
    for name, value in asked.items():
        if about.get(name) != value:
            raise InvalidInput(
                f"the word index in {folder} was built with {name} {about.get(name)!r}, and {value!r} is asked for; "
                "open it as it was built, or build it again"
            )
    return passages
