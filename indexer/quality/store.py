"""What was pruned, kept whole in the index: texts, scores and reasons, so that it can be read and put back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tamis.files import remove, whole

from ..passage import Passage
from ..passages import PassageStore, PassageWriter
from .decide import Pruned
from .role import Scores

FOLDER, QUALITY = "pruned", "quality.npy"
TEXTS, TABLE = "passages.arrow", "pruned.arrow"

_SCHEMA = pa.schema({"row": pa.int32(), "score": pa.float32(), "reason": pa.large_string()})


@dataclass(frozen=True, slots=True)
class PrunedPassage:
    """A passage that was left out of an index."""

    passage: Passage
    row: int
    """Its row in the corpus as it was read."""
    score: float
    reason: str


def divide(
    passages: PassageStore,
    pruned: Sequence[Pruned],
    scores: Scores,
    folder: Path,
    columns: dict[str, str],
    cold: bool = False,
) -> None:
    """Move the pruned passages of a version that is being built into `pruned/`, and write `quality.npy`.

    Killed in between, the same call does the rest: `passages.arrow` is replaced last.

    Args:
        passages: all, open from `folder`; closed when this returns.
        pruned: what to leave out, by row.
        scores: of all passages.
        folder: of the version.
        columns: typed columns of metadata.
        cold: they become a cold tier: `pruned/` only says which they are, and the passages stay together.
    """
    left_out = np.zeros(len(passages), np.bool_)
    left_out[[one.row for one in pruned]] = True
    if pruned:
        remove(folder / FOLDER)  # of a call that was killed
        with whole(folder / FOLDER) as temporary:
            temporary.mkdir()
            if not cold:
                _write(temporary / TEXTS, (one for row, one in enumerate(passages) if left_out[row]), columns)
            values = {"row": [one.row for one in pruned], "score": [one.score for one in pruned],
                      "reason": [one.reason for one in pruned]}  # fmt: skip
            with pa.OSFile(str(temporary / TABLE), "wb") as sink, pa.ipc.new_file(sink, _SCHEMA) as writer:
                writer.write_table(pa.table(values, schema=_SCHEMA))
    with whole(folder / QUALITY) as temporary, temporary.open("wb") as file:
        np.save(file, scores if cold else scores[~left_out], allow_pickle=False)
    if pruned and not cold:
        with whole(folder / "passages.arrow") as temporary:
            _write(temporary, (one for row, one in enumerate(passages) if not left_out[row]), columns)
    passages.close()


def divided(folder: Path, passages: PassageStore) -> bool:
    """Say whether `divide` was killed after it had replaced the passages: then nothing is left to do."""
    scores = read_quality(folder)
    return scores is not None and (folder / FOLDER).is_dir() and len(scores) == len(passages)


def _write(path: Path, passages: Iterator[Passage], columns: dict[str, str]) -> None:
    with PassageWriter(path, columns) as writer:
        writer.write(passages)


def read_pruned(folder: Path) -> Iterator[PrunedPassage]:
    """Read what a version left out, in the order of the corpus; nothing where nothing was.

    Args:
        folder: of a version whose files were verified.
    """
    if not (folder / FOLDER).is_dir():
        return
    rows, scores, reasons = _table(folder)
    apart = folder / FOLDER / TEXTS
    passages = PassageStore(apart if apart.is_file() else folder / "passages.arrow")
    found = iter(passages) if apart.is_file() else (passages.take([row])[0] for row in rows)
    for place, passage in enumerate(found):
        yield PrunedPassage(passage, int(rows[place]), float(scores[place]), reasons[place])
    passages.close()


def pruned_rows(folder: Path) -> npt.NDArray[np.int32]:
    """Return the rows, in the corpus as it was read, of what a version left out: int32[pruned]."""
    return _table(folder)[0] if (folder / FOLDER).is_dir() else np.empty(0, np.int32)


def _table(folder: Path) -> tuple[npt.NDArray[np.int32], Scores, list[str]]:
    with pa.OSFile(str(folder / FOLDER / TABLE), "rb") as source:
        table = pa.ipc.open_file(source).read_all()
    return table["row"].to_numpy(), table["score"].to_numpy(), table["reason"].to_pylist()


def read_quality(folder: Path) -> Scores | None:
    """Return the scores of a version's passages, float32[passages]; None where it was built without an estimator."""
    path = folder / QUALITY
    return np.load(path, allow_pickle=False) if path.is_file() else None
