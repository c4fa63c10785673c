"""How well estimators tell passages that answer something from those that were read and do not."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from tamis.errors import InvalidInput
from tamis.indexer.progress import Progress
from tamis.indexer.published import PublishedIndex
from tamis.indexer.quality.cache import AT_ONCE
from tamis.indexer.quality.choose import open_estimator
from tamis.indexer.quality.decide import lowest
from tamis.indexer.quality.embedding import EmbeddingScorer
from tamis.indexer.quality.role import Trained, checked

from ..judged import Judged
from ..significance import Interval

Scores = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int32]

SHARES = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6)
SAMPLES = 2_000


@dataclass(frozen=True, slots=True)
class Sorts:
    """Rows of an index by what was judged about them."""

    good: Rows
    """Relevant to some query, by the grade asked for."""
    bad: Rows
    """Judged, and relevant to none; where nobody judged such, all that no query asks for."""
    judged: bool
    """Whether the bad ones were read."""
    queries: npt.NDArray[np.int32]
    """Number of the query that `good` and `bad`, one after the other, were judged for first; -1: for none."""


@dataclass(frozen=True, slots=True)
class Separation:
    """One estimator."""

    estimator: str
    area: float
    """Under the ROC curve: the chance that a good passage scores above a bad one; ties count half."""
    kept: dict[float, float]
    """Share of the good passages that stays, by the share of the whole index that is pruned."""
    kept_judged: dict[float, float]
    """The same where that share of the judged passages is pruned."""
    per_second: float
    """Passages scored in a second of one core: processor time of all threads together; without the encoding, where
    vectors are read."""
    knows: int
    """Queries that it learned from."""
    scores: Scores
    """float32[good and bad]."""


def sorts(judged: Judged, index: PublishedIndex, grade: int = 1) -> Sorts:
    """Divide the judged passages of an index by whether any query has them at a grade or above.

    Raises:
        InvalidInput: there are none of a sort.
    """
    best: dict[int, tuple[int, int]] = {}
    for number, found in enumerate(judged.qrels.values()):
        for id_, value in found.items():
            row = index.ids.row_of(id_)
            if row is not None:
                first = best[row][1] if row in best else number
                best[row] = (max(value, best[row][0] if row in best else value), first)
    good = [row for row, (value, _) in best.items() if value >= grade]
    bad = [row for row, (value, _) in best.items() if value < grade]
    read = bool(bad)
    if not read:
        bad = np.setdiff1d(np.arange(len(index.passages)), good).tolist()
    if not good or not bad:
        raise InvalidInput(
            f"{judged.name}/{judged.split} judges {len(good)} passages at grade {grade} or above and {len(bad)} below, "
            "expected some of each"
        )
    queries = [best[row][1] if row in best else -1 for row in (*good, *bad)]
    return Sorts(np.array(good, np.int32), np.array(bad, np.int32), read, np.array(queries, np.int32))


def separate(path: Path, judged: Judged, names: Sequence[str], grade: int, progress: Progress) -> list[Separation]:
    """Score all passages of an index by each estimator, and look where the judged ones land.

    Args:
        path: folder of the index.
        judged: queries and judgments.
        names: of estimators.
        grade: from which a passage counts as good.
        progress: who is told how far it is.

    Raises:
        InvalidInput: an estimator gave no number, or nothing is judged.
    """
    with PublishedIndex.open(path) as index:
        found = sorts(judged, index, grade)
        return [_one(index, found, judged, name, progress) for name in names]


def _one(index: PublishedIndex, found: Sorts, judged: Judged, name: str, progress: Progress) -> Separation:
    def texts() -> Iterator[str]:
        return (text for _, text in index.passages.contents())

    both = np.concatenate([found.good, found.bad])
    every, total = list(texts()), len(index.passages)
    language = index.manifest.config.sparse.language
    with (
        open_estimator(name, texts, index.encoder.bundle, language) as estimator,
        progress.phase(name, total, "passages") as report,
    ):
        scores, start = np.empty(total, np.float32), time.process_time()
        for first in range(0, total, AT_ONCE):
            last = min(total, first + AT_ONCE)
            if isinstance(estimator, EmbeddingScorer):  # the vectors are there
                scores[first:last] = estimator.score_vectors(
                    index.dense.vectors(np.arange(first, last, dtype=np.int32))
                )
            else:
                scores[first:last] = checked(estimator, every[first:last])
            report(last)
        took = time.process_time() - start
        asked = [query.text for query in judged.queries]
        knows = len(estimator.knows(asked)) if isinstance(estimator, Trained) else 0
    mine = scores[both]
    by_row = np.argsort(both)  # of equal scores the earlier row goes first, as in a build
    good_places = np.flatnonzero(by_row < len(found.good)).astype(np.int32)
    return Separation(
        estimator=name,
        area=area(mine[: len(found.good)], mine[len(found.good) :]),
        kept={share: _kept(scores, found.good, share) for share in SHARES},
        kept_judged={share: _kept(mine[by_row], good_places, share) for share in SHARES},
        per_second=total / max(took, 1e-6),
        knows=knows,
        scores=mine,
    )


def _kept(scores: Scores, good: Rows, share: float) -> float:
    return float(1 - np.isin(good, lowest(scores, share)).mean())


def area(good: Scores, bad: Scores) -> float:
    """Return the area under the ROC curve, the Mann-Whitney statistic as a share: ties count half."""
    ranks = rankdata(np.concatenate([good, bad]))
    return float((ranks[: len(good)].sum() - len(good) * (len(good) + 1) / 2) / (len(good) * len(bad)))


def curve(good: Scores, bad: Scores) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the ROC curve: shares of bad and of good passages at or above each score, from (0, 0) to (1, 1)."""
    scores = np.concatenate([good, bad])
    order = np.argsort(-scores, kind="stable")
    is_good = order < len(good)
    last = np.append(np.diff(scores[order]) != 0, True)  # a point for each score, so that ties make a slope
    true, false = np.cumsum(is_good)[last] / len(good), np.cumsum(~is_good)[last] / len(bad)
    return np.append(0.0, false), np.append(0.0, true)


def area_difference(
    one: Scores, other: Scores, good: int, queries: npt.NDArray[np.int32] | None = None, seed: int = 0
) -> Interval:
    """Return the 95 % interval of the difference of two areas over the same passages, by paired bootstrap.

    Args:
        one: scores, the good passages first.
        other: those of another estimator.
        good: how many are good.
        queries: of each passage; given, whole queries are drawn, since passages judged for one query are alike.
        seed: of the draws.
    """
    generator = np.random.default_rng(seed)
    places = np.arange(len(one))
    groups = None if queries is None else [places[queries == number] for number in np.unique(queries)]
    found = np.empty(SAMPLES)
    for sample in range(SAMPLES):
        if groups is None:
            drawn = np.concatenate(
                [generator.integers(0, good, good), generator.integers(good, len(one), len(one) - good)]
            )
        else:
            drawn = np.concatenate([groups[number] for number in generator.integers(0, len(groups), len(groups))])
        first, second = drawn[drawn < good], drawn[drawn >= good]
        found[sample] = area(one[first], one[second]) - area(other[first], other[second])
    low, high = np.quantile(found, [0.025, 0.975])
    return Interval(float(low), float(high))
