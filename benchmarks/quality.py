"""Estimators of passage quality on TREC DL19, whose passages none of them has seen.

    python -m benchmarks.quality [--embedding FOLDER] [--record]

`msmarco-mini`, 50,285 passages: those that DL19 judged (9,139; grade 2 and above count as relevant) and those of other
queries. Nothing is tuned here. `--embedding` names a scorer of `tamis train quality --on embedding`.
"""

from __future__ import annotations

import argparse

import numpy as np

from tamis.cli.output import Bars
from tamis.eval.judged import read_judged
from tamis.eval.prune.separate import Separation, area_difference, separate, sorts
from tamis.indexer.published import PublishedIndex

from .corpora import built
from .harness import DATA, Result, record

ESTIMATORS = ("light", "length", "random", "inverse-terms", "cdd")
GRADE = 2
QUARTER = 0.25

HEADER = ("estimator", "area under ROC", "minus length, 95 %", "the same, by passage",
          "relevant kept, 25 % of judged pruned", "25 % of all pruned", "passages/s of one core")  # fmt: skip
REMARKS = (
    "Intervals: paired bootstrap, 2,000 samples of whole queries (43), beside it of single passages. Asked of `light`: "
    "area significantly above length alone (.610), aiming at .64; .85 kept at 25 %; 2,000 passages/s. Its features "
    "were chosen with dozens of looks at DL19 (its weights were not learned there): its difference is flattered. A "
    "scorer on the embedding stands apart: it needs the encoding, which its passages/s do not count."
)


def main() -> None:
    """Score, compare, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--embedding", help="folder of a scorer that reads embeddings")
    parser.add_argument("--record", action="store_true", help="write the table to RESULTS.md")
    options = parser.parse_args()
    corpus = str(DATA / "msmarco-mini")
    index, judged = built(corpus, "msmarco-mini-exact"), read_judged(corpus, "dl19")
    with PublishedIndex.open(index) as opened:
        divided = sorts(judged, opened, GRADE)
    names = [*ESTIMATORS, *([options.embedding] if options.embedding else [])]
    found = separate(index, judged, names, GRADE, Bars())
    rows = [_row(one, found[1], len(divided.good), divided.queries) for one in found]
    for row in rows:
        print(*row, sep="  ", flush=True)
    if options.record:
        command = f"python -m benchmarks.quality{' --embedding FOLDER' if options.embedding else ''} --record"
        record(Result("quality", "Passage quality: TREC DL19", command, HEADER, rows, REMARKS))


def _row(one: Separation, length: Separation, good: int, queries: np.ndarray) -> list[str]:
    by_query = area_difference(one.scores, length.scores, good, queries)
    by_passage = area_difference(one.scores, length.scores, good)
    same = one.estimator == length.estimator
    return [
        one.estimator.rpartition("/")[2], f"{one.area:.3f}",
        "" if same else f"{by_query.low:+.3f} to {by_query.high:+.3f}",
        "" if same else f"{by_passage.low:+.3f} to {by_passage.high:+.3f}",
        f"{one.kept_judged[QUARTER]:.3f}", f"{one.kept[QUARTER]:.3f}", f"{one.per_second:,.0f}",
    ]  # fmt: skip


if __name__ == "__main__":
    main()
