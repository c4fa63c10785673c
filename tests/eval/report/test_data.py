from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tamis.errors import InvalidInput
from tamis.eval.compare import compare
from tamis.eval.metrics import Metrics
from tamis.eval.report.data import Report, gather
from tamis.eval.report.fates import BELOW, IN_TOP, LOST
from tamis.eval.report.pictures import fate_parts, finder_parts
from tamis.eval.report.read import read_all

from .conftest import BASE, QUERIES, write_evaluation


def report(folders: list[Path], **settings: str) -> Report:
    """A report on folders."""
    evaluations, ablations = read_all(folders)
    return gather(evaluations, ablations, measure=settings.get("measure"))


def test_headlines_are_the_conclusions_of_compare(three: list[Path]) -> None:
    found = report(three)
    expected = [one for one in compare([Metrics.read(folder) for folder in three]) if one.measure == "nDCG@10"]
    assert [versus.comparison for versus in found.versus] == expected
    assert expected[0].outcome == "better"
    assert expected[0].conclusion.startswith("better is better than base by nDCG@10: +0.0")


def test_deltas_are_paired_by_query_whatever_the_order_in_the_file(tmp_path: Path) -> None:
    base = write_evaluation(tmp_path / "base", "base", {"AP": BASE})
    turned = write_evaluation(tmp_path / "turned", "turned", {"AP": BASE[::-1]}, queries=QUERIES[::-1])
    assert all(delta.difference == 0 for delta in report([base, turned]).versus[0].deltas)


def test_the_most_won_and_lost_hold_only_what_was_won_and_lost(tmp_path: Path) -> None:
    changed = BASE.copy()
    changed[3] += 0.2
    changed[7] -= 0.1
    changed[9] -= 0.3
    (versus,) = report(
        [write_evaluation(tmp_path / "a", "a", {"AP": BASE}), write_evaluation(tmp_path / "b", "b", {"AP": changed})]
    ).versus
    assert [delta.query for delta in versus.won] == ["q3"]
    assert [delta.query for delta in versus.lost] == ["q9", "q7"]
    (versus,) = report(
        [write_evaluation(tmp_path / "c", "c", {"AP": BASE}), write_evaluation(tmp_path / "d", "d", {"AP": BASE + 0.1})]
    ).versus
    assert len(versus.won) == 10


def test_the_measure_is_the_named_one_else_ndcg_else_the_first(three: list[Path], tmp_path: Path) -> None:
    assert report(three).measure == "nDCG@10"
    assert report(three, measure="AP").measure == "AP"
    with pytest.raises(InvalidInput, match=r"measure 'RR' is not in all evaluations; those that are: nDCG@10, AP"):
        report(three, measure="RR")
    others = [write_evaluation(tmp_path / name, name, {"RR": BASE, "AP": BASE}) for name in "ab"]
    assert report(others).measure == "RR"
    with pytest.raises(InvalidInput, match="no measure is in all evaluations; the baseline has Success@1"):
        report([write_evaluation(tmp_path / "c", "c", {"Success@1": BASE}), others[0]])


def test_other_queries_are_refused(three: list[Path], tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="answer other queries"):
        report([three[0], write_evaluation(tmp_path / "fourth", "other", {"nDCG@10": BASE[:5]}, queries=QUERIES[:5])])
    zero = write_evaluation(tmp_path / "zero", "zero", {"nDCG@10": BASE * 0})  # `compare` is not asked here
    with pytest.raises(InvalidInput, match="answer other queries"):
        report([zero, write_evaluation(tmp_path / "few", "few", {"nDCG@10": BASE[:5]}, queries=QUERIES[:5])])


def test_what_is_surprising_becomes_a_note(three: list[Path], tmp_path: Path) -> None:
    values = {"nDCG@10": BASE, "RR": BASE, "AP": BASE}
    other = write_evaluation(tmp_path / "fourth", "other", values, fingerprints={"collection": "d" * 64})
    notes = report([*three, other]).notes
    assert "base: 2 ids are unknown" in notes
    assert any(note.startswith("other: queries or judgments differ from those of base") for note in notes)
    assert "not in all evaluations, so not compared: RR" in notes
    assert any(note.endswith("passages were lost: somebody's, other") for note in notes)


def test_a_baseline_of_nothing_is_shown_but_not_compared(tmp_path: Path) -> None:
    zero, one = (
        write_evaluation(tmp_path / name, name, {"nDCG@10": BASE * f, "AP": BASE})
        for name, f in (("z", 0.0), ("o", 1.0))
    )
    found = report([zero, one])
    assert found.versus[0].comparison is None
    assert len(found.versus[0].deltas) == 40
    assert {one.measure for one in found.comparisons} == {"AP"}
    assert "nDCG@10 is not compared: the baseline's mean of 0.0000 is not above 0" in found.notes


def test_one_evaluation_alone_has_nothing_to_compare(three: list[Path]) -> None:
    found = report(three[:1])
    assert (found.versus, found.comparisons) == ([], [])


def test_lost_passages_are_counted_by_end_and_by_finder(three: list[Path]) -> None:
    found = report(three)
    ends = {part.name: list(part.counts) for part in fate_parts(found)}
    assert ends == {IN_TOP: [1, 1], BELOW: [1, 1], "cut by rerank": [1, 0], "cut by fusion": [0, 1], LOST: [1, 1]}
    assert list(ends)[:2] + list(ends)[-1:] == [IN_TOP, BELOW, LOST]
    finders = {part.name: list(part.counts) for part in finder_parts(found)}
    assert finders == {"sparse and dense": [1, 0], "dense only": [1, 0], "sparse only": [1, 3], "nobody": [1, 1]}
    assert np.all(np.sum(list(ends.values()), axis=0) == np.sum(list(finders.values()), axis=0))
