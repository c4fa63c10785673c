"""Estimators: what they say of hand-made texts, alone and among others, and what is refused."""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tamis.errors import DamagedFile, InvalidInput
from tamis.indexer.progress import Report
from tamis.indexer.quality.cache import ScoreCache
from tamis.indexer.quality.decide import decide, lowest
from tamis.indexer.quality.duplicates import find_duplicates
from tamis.indexer.quality.light import SHIPPED, LightScorer
from tamis.indexer.quality.role import Scores, checked
from tamis.indexer.quality.surface import NAMES, surface
from tamis.indexer.quality.unsupervised import Chance, CollectionDivergence, InverseTerms, Length

ANSWER = (
    "The melting point of a substance is the temperature at which it changes from a solid to a liquid. At normal "
    "pressure, ice melts at 0 degrees Celsius, and iron at 1,538."
)
MENU = "Home | Login | Share | Comments | Reply"
ODD = ("", " ", "\ud800", "\x00", "a" * 100_000, "日本語のテキスト", "!!!", "😀 😀")


def quiet(_: int) -> None:
    """Report to nobody."""


REPORT: Report = quiet


@pytest.fixture(scope="module")
def light() -> LightScorer:
    return LightScorer.open()


def test_an_answer_scores_above_a_menu(light: LightScorer) -> None:
    answer, menu = light.score([ANSWER, MENU])
    assert answer > menu + 1


def test_a_score_does_not_depend_on_the_other_texts(light: LightScorer) -> None:
    texts = [ANSWER, MENU, *ODD, ANSWER[:60]]
    together = light.score(texts)
    alone = np.concatenate([light.score([text]) for text in texts])
    np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize("text", ODD)
def test_odd_texts_get_a_finite_score(light: LightScorer, text: str) -> None:
    assert np.isfinite(light.score([text])).all()
    for estimator in (Length(), Chance(), InverseTerms(), CollectionDivergence([ANSWER])):
        assert np.isfinite(estimator.score([text])).all()


def test_no_texts_give_no_scores(light: LightScorer) -> None:
    assert light.score([]).shape == (0,)
    assert surface([]).shape == (0, len(NAMES))


def test_the_shipped_model_is_small() -> None:
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) < 2_000_000


def test_a_changed_file_of_a_model_is_refused(tmp_path: Path) -> None:
    shutil.copytree(SHIPPED, tmp_path / "model")
    with (tmp_path / "model" / "words.npy").open("r+b") as file:
        file.seek(5_000)
        file.write(b"\x01\x02\x03")
    with pytest.raises(DamagedFile, match=r"words\.npy is missing, or was changed"):
        LightScorer.open(tmp_path / "model")


def test_surface_by_hand() -> None:
    found = dict(zip(NAMES, surface(["It is red, (very) red. It is red."])[0].tolist(), strict=True))
    assert found["distinct_words"] == pytest.approx(math.log(5))
    assert found["definitions"] == pytest.approx(2 / 8)
    assert found["commas"] == pytest.approx(1 / 8)
    assert found["reference_first"] == 1
    assert found["ends_a_sentence"] == 1


def test_divergence_by_hand() -> None:
    estimator = CollectionDivergence(["a a b"])  # 3 tokens, 2 terms: P(a) = 3 / 6, P(b) = 2 / 6
    assert estimator.score(["a b"])[0] == pytest.approx(0.5 * math.log(0.5 / 0.5) + 0.5 * math.log(0.5 / (2 / 6)))


class Broken:
    """An estimator that fails on one passage."""

    name, fingerprint = "broken", "0" * 64

    def score(self, texts: Sequence[str]) -> Scores:
        """Fail on the menu."""
        return np.array([math.nan if text == MENU else 1.0 for text in texts], np.float32)


def test_nan_is_refused_with_the_passage(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="gave nan for 1 passages, the first begins 'Home"):
        checked(Broken(), [ANSWER, MENU])
    with pytest.raises(InvalidInput, match="gave nan"):
        ScoreCache(tmp_path, Broken()).score(iter([ANSWER, MENU]), 2, REPORT)


class Counting(Length):
    """Counts what it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def score(self, texts: Sequence[str]) -> Scores:
        """Count, then score."""
        self.asked += len(texts)
        return super().score(texts)


def test_what_was_scored_once_is_not_scored_again(tmp_path: Path) -> None:
    first, second = Counting(), Counting()
    texts = [f"word {'more ' * n}" for n in range(20)]
    before = ScoreCache(tmp_path, first).score(iter(texts), 20, REPORT)
    after = ScoreCache(tmp_path, second).score(iter([*texts, "new"]), 21, REPORT)
    assert (first.asked, second.asked) == (20, 1)
    np.testing.assert_array_equal(after[:20], before)


def test_the_lowest_share_goes_and_ties_go_by_row() -> None:
    scores = np.array([3, 1, 2, 1, 5, 6, 7, 8, 9, 1], np.float32)
    assert lowest(scores, 0.2).tolist() == [1, 3]
    assert lowest(scores, 0.0).tolist() == []
    assert lowest(scores, 0.3).tolist() == [1, 3, 9]


@pytest.mark.parametrize("share", [-0.01, 0.95, math.nan])
def test_a_share_outside_is_refused(share: float) -> None:
    with pytest.raises(InvalidInput, match="share of passages"):
        lowest(np.ones(20, np.float32), share)


def test_the_share_is_taken_of_what_duplicates_leave() -> None:
    texts = [*(f"text {n} and what it says" for n in range(10)), "Text 3  and what it SAYS", ""]
    found = find_duplicates(texts, "exact")
    assert [(one.row, one.of) for one in found] == [(10, 3)]
    pruned = decide(Length().score(texts), 0.1, found, [str(n) for n in range(12)])
    assert [(one.row, one.reason) for one in pruned] == [
        (10, "duplicate of 3"), (11, "quality among the lowest 10.0%")
    ]  # fmt: skip


def test_near_duplicates_name_the_one_that_stays() -> None:
    pytest.importorskip("datasketch")
    words = [f"word{n}" for n in range(200)]
    texts = [" ".join(words), " ".join([*words[:-1], "other"]), " ".join(reversed(words))]
    found = find_duplicates(texts, "near")
    assert [(one.row, one.of) for one in found] == [(1, 0)]
    assert 0.9 <= found[0].similarity < 1
