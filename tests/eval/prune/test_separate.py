"""Areas and curves by hand, and estimators compared on a real index."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from tamis.errors import InvalidInput
from tamis.eval.judged import Judged, read_judged
from tamis.eval.prune.figures import write_comparison, write_figures
from tamis.eval.prune.prove import Proof
from tamis.eval.prune.separate import area, area_difference, curve, separate, sorts
from tamis.indexer.progress import Quiet
from tamis.indexer.published import PublishedIndex

GOOD, BAD = np.array([3, 2, 2], np.float32), np.array([2, 1], np.float32)


def test_area_by_hand() -> None:
    """Of six pairs four are in order and two are tied."""
    assert area(GOOD, BAD) == pytest.approx((4 + 2 / 2) / 6)
    assert area(BAD, GOOD) == pytest.approx(1 - 5 / 6)


def test_the_area_is_that_under_the_curve() -> None:
    false, true = curve(GOOD, BAD)
    assert list(zip(false, true, strict=True)) == [(0, 0), (0, pytest.approx(1 / 3)), (0.5, 1), (1, 1)]
    assert np.trapezoid(true, false) == pytest.approx(area(GOOD, BAD))


def test_the_interval_of_a_difference_holds_it_and_drawing_queries_widens_it() -> None:
    """Passages of a query share what they are worth: fewer independent draws than passages."""
    generator = np.random.default_rng(0)
    queries = np.tile(np.arange(20, dtype=np.int32), 40)
    good = 400
    shared = generator.normal(0, 1, 20)[queries] * np.where(np.arange(800) < good, 1, -1)
    other = generator.normal(0, 1, 800).astype(np.float32)
    one = (other + shared).astype(np.float32)
    difference = area(one[:good], one[good:]) - area(other[:good], other[good:])
    alone, whole = area_difference(one, other, good), area_difference(one, other, good, queries)
    assert alone.low < difference < alone.high
    assert whole.low < difference < whole.high
    assert whole.high - whole.low > alone.high - alone.low


def test_sorts_go_by_the_best_grade_of_any_query(tiny_index: Path, tiny_judged: Judged) -> None:
    with PublishedIndex.open(tiny_index) as index:
        found = sorts(tiny_judged, index, 2)
        best: dict[str, int] = {}
        for grades in tiny_judged.qrels.values():
            for id_, grade in grades.items():
                best[id_] = max(grade, best.get(id_, 0))
        assert set(index.passages.ids_of(found.good)) == {id_ for id_, grade in best.items() if grade == 2}
        assert set(index.passages.ids_of(found.bad)) == {id_ for id_, grade in best.items() if grade < 2}
        assert found.judged and (found.queries >= 0).all()
        with pytest.raises(InvalidInput, match="at grade 3 or above"):
            sorts(tiny_judged, index, 3)


def test_where_nobody_judged_passages_as_not_relevant_the_others_are_the_contrast(
    tiny_index: Path, asked: Path
) -> None:
    with PublishedIndex.open(tiny_index) as index:
        found = sorts(read_judged(str(asked), "test"), index)
        assert not found.judged
        assert len(found.good) + len(found.bad) == len(index.passages)


def test_estimators_compared_and_drawn(tiny_index: Path, tiny_judged: Judged, tmp_path: Path) -> None:
    found = separate(tiny_index, tiny_judged, ["length", "random"], 1, Quiet())
    with PublishedIndex.open(tiny_index) as index:
        divided = sorts(tiny_judged, index, 1)
        total = len(index.passages)
        texts = [text for _, text in index.passages.contents()]
    good = len(divided.good)
    for one in found:
        assert one.area == area(one.scores[:good], one.scores[good:])
        assert list(one.kept.values()) == sorted(one.kept.values(), reverse=True)
    words = [len(texts[row].split()) for row in divided.good]
    assert np.corrcoef(words, found[0].scores[:good])[0, 1] > 0.9
    half = np.sort([len(re.findall(r"[^\W_]+", text)) for text in texts])[total // 2 - 1]
    assert (found[0].scores[:good] > half).mean() <= found[0].kept[0.5] <= (found[0].scores[:good] >= half).mean()
    for path in write_comparison(found, good, tmp_path):
        assert ElementTree.parse(path).getroot().tag.endswith("svg")


def test_the_pictures_of_a_proof(proved: tuple[Path, Proof], tmp_path: Path) -> None:
    paths = write_figures(proved[1].steps, tmp_path)
    assert {path.name for path in paths} == {"relevant-kept.svg", "quality-r-10.svg"}
    assert "Change of R@10" in (tmp_path / "quality-r-10.svg").read_text()
