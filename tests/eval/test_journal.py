from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tamis.errors import InvalidInput
from tamis.eval.cost import Cost
from tamis.eval.journal import Finished, Journal

SCORES = np.array([0.1, np.float32(1 / 3), 1e-30], np.float32)
ONE = Finished(["a", "b", "c"], SCORES, {"a": {"sparse": 1}}, Cost(2.0, None, 0.25))
TWO = Finished([], np.empty(0, np.float32), {}, Cost(0.0, 4.5, 0.0))


def fill(path: Path) -> None:
    """Two finished queries."""
    with Journal(path, "key") as journal:
        journal.add([("q1", ONE), ("q2", TWO)])


def test_what_was_written_is_read_back_bit_for_bit(tmp_path: Path) -> None:
    fill(tmp_path / "file")
    with Journal(tmp_path / "file", "key") as journal:
        assert list(journal.done) == ["q1", "q2"]
        found = journal.done["q1"]
        assert (found.ids, found.places, found.cost) == (ONE.ids, ONE.places, ONE.cost)
        assert found.scores.tobytes() == SCORES.tobytes()
        assert journal.done["q2"].cost == TWO.cost


def test_cut_off_anywhere_it_keeps_the_whole_lines_and_goes_on(tmp_path: Path) -> None:
    """Also a second time: what is appended after a cut must not hang on the rest of the cut line."""
    path = tmp_path / "file"
    fill(path)
    content = path.read_bytes()
    ends = [place + 1 for place, byte in enumerate(content) if byte == ord("\n")]
    for size in range(len(content)):
        path.write_bytes(content[:size])
        with Journal(path, "key") as journal:
            assert len(journal.done) == max(0, sum(end <= size for end in ends) - 1)
            journal.add([("q1", ONE), ("q2", TWO)])
        assert path.read_bytes() == content


def test_another_key_or_garbage_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "file"
    fill(path)
    with Journal(path, "other") as journal:
        assert journal.done == {}
    assert path.read_bytes().count(b"\n") == 1
    path.write_bytes(b'{"key":"key"}\n["q1",["a"],[1.0]]\n')  # an older version's
    with Journal(path, "key") as journal:
        assert journal.done == {}
    fill(path)
    path.write_bytes(path.read_bytes() + b'["q3",["a"],["x"],{},[0,0,0]]\n["q4",[],[],{},[0,0,0]]\n')
    with Journal(path, "key") as journal:
        assert list(journal.done) == ["q1", "q2"]


def test_a_query_is_written_once(tmp_path: Path) -> None:
    with Journal(tmp_path / "file", "key") as journal:
        journal.add([("q1", ONE)])
        journal.add([("q1", TWO)])
        assert journal.done["q1"] is ONE
    assert (tmp_path / "file").read_bytes().count(b"\n") == 2


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be written"):
        Journal(tmp_path / "none" / "file", "key")
