"""Questions enough for a proof, and a proof of the small index."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tamis.eval.judged import read_judged
from tamis.eval.measures import parse_measure
from tamis.eval.prune.prove import Proof, Question, prove
from tamis.indexer.progress import Quiet
from tamis.rankers.config import PipelineConfig

MARGIN = 0.2


def question(folder: Path, margin: float = MARGIN, **others: object) -> Question:
    """Ask a folder's questions of the default pipeline, for two shares."""
    fields = {"shares": (0.05, 0.1), **others}
    return Question(
        read_judged(str(folder), "test"), PipelineConfig(), [parse_measure("R@10")], margin, **fields,  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.fixture(scope="session")
def proved(tiny_index: Path, asked: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Proof]:
    """A copy of the small index, and what was proved about it."""
    index = tmp_path_factory.mktemp("proved") / "index"
    shutil.copytree(tiny_index, index, symlinks=True)
    return index, prove(index, question(asked), Quiet())
