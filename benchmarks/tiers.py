"""What a cold tier gives back of what pruning costs, by the share of queries that asks it.

    python -m benchmarks.tiers [--record]

Four collections, a quarter pruned by `light`. Thresholds are quantiles of the queries of one split; all figures are of
the queries of another. Fused pipeline; milliseconds of 100 queries, one at a time, the variants in turns.
"""

from __future__ import annotations

import argparse
import shutil
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tamis.cli.output import Bars
from tamis.eval.judged import Judged, read_judged, without_excluded
from tamis.eval.latency import latencies
from tamis.eval.measures import Values, parse_measure, score_run
from tamis.eval.prune.gate import threshold
from tamis.eval.runs import BATCH
from tamis.eval.trec import Run, untied
from tamis.indexer.manifest import IndexManifest
from tamis.indexer.restore import restore
from tamis.indexer.versions import IndexFolder
from tamis.rankers.config import PipelineConfig
from tamis.rankers.engine import Engine
from tamis.rankers.hits import ColdDecision
from tamis.rankers.pipeline import Pipeline
from tamis.rankers.tiers import Gate, gap

from .corpora import built
from .harness import DATA, Result, record

QUALITY = {"estimator": "light", "prune": 0.25, "cold": True}
SHARES = (0.1, 0.2, 0.3, 0.5)
MEASURES = ("nDCG@10", "R@100")
MOST = 500
"""Queries of a split, spread evenly over it: some splits are sorted by text."""
DRAWS = 20_000

HEADER = ("collection", "cold tier", "below", "queries that ask", *(f"{one} (by chance)" for one in MEASURES),
          "p by chance", "p50, ms", "mean, ms")  # fmt: skip
REMARKS = (
    "Never: the pruned index. Whole: nothing pruned. By chance: what as many queries drawn at random would have; "
    "p: the share of 20,000 draws that gain as much nDCG@10. The rule, the gap between the dense scores of the "
    "best and the 100th hot passage, was chosen among 13 on `nfcorpus` dev and the train splits of `scifact` and "
    "`pydocs`, by nDCG@10 where 20 % ask: second on `scifact`, second or fourth on `nfcorpus` (pruned by `light` "
    "or `length`), no gain on `pydocs`. The others were the best score alone, other gaps and spreads of the arms, "
    "and how far both arms agree. On `scifact`, where a query has one answer, the rule finds the queries that "
    "lost theirs; on `nfcorpus`, where it has dozens, and on `pydocs`, where little was lost, it does no better "
    "than chance. `msmarco-mini` is an easy case: nearly all of its passages are about other queries, so that a "
    "pruned answer leaves nothing near; of its dev queries' answers 31 % were pruned, of its train queries' 22 %, "
    "hence more of them ask than wanted."
)


@dataclass(frozen=True, slots=True)
class Case:
    """A collection, with the split that thresholds come from and the one that is reported."""

    name: str
    source: str
    chosen_on: str
    reported: str
    precision: str = "exact"
    """How passages are encoded."""


CASES = (
    Case("scifact", str(DATA / "scifact"), "train", "test"),
    Case("nfcorpus", str(DATA / "nfcorpus"), "dev", "train"),
    Case("pydocs", "pydocs", "train", "test"),
    Case("msmarco-mini", str(DATA / "msmarco-mini"), "train", "dev", "fast"),
)


def main() -> None:
    """Build, ask, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true", help="write the table to RESULTS.md")
    options = parser.parse_args()
    rows = []
    for case in CASES:
        for row in _measured(case):
            print(*row, sep="  ", flush=True)
            rows.append(row)
    if options.record:
        title = "A cold tier for what is pruned, asked when the hot one is unsure"
        record(Result("tiers", title, "python -m benchmarks.tiers --record", HEADER, rows, REMARKS))


def _measured(case: Case) -> list[list[str]]:
    tiered = built(case.source, f"tiers-{case.name}", quality=QUALITY, encoder={"precision": case.precision})
    whole = _restored(tiered)
    chosen_on, judged = (_spread(read_judged(case.source, split)) for split in (case.chosen_on, case.reported))
    with ExitStack() as stack:
        two = stack.enter_context(Engine.open(tiered, PipelineConfig(cold="always")))
        one = stack.enter_context(Engine.open(whole))
        assert two.pipeline.cold is not None
        never = replace(two.pipeline, cold=None)
        gaps = np.array([gap(never.run([query]).stages["dense"][0]) for query in chosen_on.queries])
        below = {f"{share:.0%}": threshold(gaps, share) for share in SHARES}
        gated = {
            name: replace(two.pipeline, cold=replace(two.pipeline.cold, gate=Gate(value)))
            for name, value in below.items()
        }
        paths = {"never": never, **gated, "always": two.pipeline, "whole": one.pipeline}
        engines = {name: one if name == "whole" else two for name in paths}
        found = {name: _answered(engines[name], path, judged) for name, path in paths.items()}
        took = latencies(paths, judged.queries)
    name = f"{case.name}: {case.chosen_on} to {case.reported}, {len(judged.queries)} queries"
    rows = []
    for variant, (values, told) in found.items():
        asked = np.array([each.asked for each in told], np.bool_)
        gain = found["always"][0]["nDCG@10"] - found["never"][0]["nDCG@10"]
        total = took[variant]["total"]
        rows.append([
            name, variant if variant not in below else f"unsure, {variant} wanted",
            f"{below[variant]:.4f}" if variant in below else "", f"{asked.mean():.1%}" if len(asked) else "",
            *(_against_chance(measure, values, asked, found) for measure in MEASURES),
            _p(gain, asked) if variant in below else "",
            f"{np.median(total):.1f}", f"{total.mean():.1f}",
        ])  # fmt: skip
    return rows


def _restored(tiered: Path) -> Path:
    """Give the index with all passages together; nothing is encoded for it."""
    out = tiered.with_name(f"{tiered.name}-whole")
    if not out.exists():
        shutil.copytree(tiered, out, symlinks=True)
    if IndexManifest.read(IndexFolder(out).current()).cold:
        restore(out, Bars())
    return out


def _spread(judged: Judged) -> Judged:
    places = np.linspace(0, len(judged.queries) - 1, min(MOST, len(judged.queries))).astype(int)
    return replace(judged, queries=[judged.queries[place] for place in places])


def _answered(engine: Engine, path: Pipeline, judged: Judged) -> tuple[Values, list[ColdDecision]]:
    rankings, told = {}, list[ColdDecision]()
    for start in range(0, len(judged.queries), BATCH):
        batch = judged.queries[start : start + BATCH]
        answer = path.run(batch)
        told += answer.cold
        for query, ranking in zip(batch, answer.rankings, strict=True):
            rankings[query.id] = (engine.index.passages.ids_of(ranking.rows), ranking.scores)
    run = untied(without_excluded(Run(rankings), judged))
    ids = [query.id for query in judged.queries]
    return score_run(run, judged.qrels, ids, [parse_measure(name) for name in MEASURES]), told


def _against_chance(
    measure: str, values: Values, asked: npt.NDArray[np.bool_], found: dict[str, tuple[Values, list[ColdDecision]]]
) -> str:
    mean = f"{values[measure].mean():.4f}"
    if not 0 < asked.sum() < len(asked):
        return mean
    hot, both = (float(found[name][0][measure].mean()) for name in ("never", "always"))
    return f"{mean} ({hot + float(asked.mean()) * (both - hot):.4f})"


def _p(gain: npt.NDArray[np.float64], asked: npt.NDArray[np.bool_]) -> str:
    """Say how often as many queries drawn at random gain as much as those that asked."""
    generator, reached = np.random.default_rng(0), float(gain[asked].sum())
    drawn = [gain[generator.permutation(len(gain))[: asked.sum()]].sum() for _ in range(DRAWS)]
    found = (1 + sum(one >= reached - 1e-12 for one in drawn)) / (1 + DRAWS)
    return "<.0001" if found < 0.0001 else f"{found:.4f}"


if __name__ == "__main__":
    main()
