"""Training groups survive their file, and broken files are named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tamis.errors import InvalidInput, NotFound
from tamis.training.groups import Group, read_groups, write_groups


def group(query: str = "who?", count: int = 3) -> Group:
    passages = tuple(f"passage {number} é" for number in range(count))
    grades = np.array([1] + [0] * (count - 1), np.float32)
    return Group("planted", query, passages, grades, np.linspace(1, -1, count, dtype=np.float32))


def test_groups_come_back_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "groups.parquet"
    written = [group("a"), group("b", 5)]
    assert write_groups(iter(written), path) == 2
    for found, wanted in zip(read_groups(path), written, strict=True):
        assert (found.source, found.query, found.passages) == (wanted.source, wanted.query, wanted.passages)
        np.testing.assert_array_equal(found.relevance, wanted.relevance)
        np.testing.assert_array_equal(found.teacher, wanted.teacher)


def test_no_groups_make_an_empty_file(tmp_path: Path) -> None:
    assert write_groups([], tmp_path / "none.parquet") == 0
    assert read_groups(tmp_path / "none.parquet") == []


def test_a_group_of_unequal_lengths_is_refused() -> None:
    with pytest.raises(ValueError, match="one length"):
        Group("s", "q", ("a", "b"), np.zeros(1, np.float32), np.zeros(2, np.float32))


def test_a_missing_and_a_foreign_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="tamis train mine"):
        read_groups(tmp_path / "absent.parquet")
    (tmp_path / "text.parquet").write_text("no parquet")
    with pytest.raises(InvalidInput, match="no Parquet file"):
        read_groups(tmp_path / "text.parquet")
