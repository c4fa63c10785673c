"""What the light scorer may prune of TREC DL19, by every pipeline: the proof, or what it fails for.

    python -m benchmarks.quality_proof [--record]

`msmarco-mini`, 50,285 passages, the 43 queries of DL19, of which the scorer has seen nothing. First the sweep, which
stops at the first share that fails; then 25 %, which was asked for beforehand, alone.
"""

from __future__ import annotations

import argparse

from tamis.cli.output import Bars
from tamis.eval.judged import read_judged
from tamis.eval.measures import parse_measure
from tamis.eval.prune.prove import SHARES, Proof, Question, prove
from tamis.rankers.config import PipelineConfig

from .corpora import built
from .harness import DATA, Result, record

MARGIN = 0.05
ASKED = 0.25
MEASURES = ("nDCG@10", "R(rel=2)@100")
HEADER = ("share", "pipeline", "measure", "whole", "pruned", "difference, 95 %", "p", "p equivalent", "power",
          "queries for power .8")  # fmt: skip


def main() -> None:
    """Prove, and write the table of all tests."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true", help="write the table to RESULTS.md")
    options = parser.parse_args()
    corpus = str(DATA / "msmarco-mini")
    index = built(corpus, "msmarco-mini-exact")
    judged, measures = read_judged(corpus, "dl19"), [parse_measure(name) for name in MEASURES]
    questions = [Question(judged, PipelineConfig(), measures, MARGIN, shares) for shares in (SHARES, (ASKED,))]
    sweep, asked = (prove(index, question, Bars()) for question in questions)
    rows = [*_rows(sweep), *_rows(asked)]
    said = f"Margin {MARGIN:.0%}. The sweep: {_said(sweep)} {ASKED:.0%} alone: {_said(asked)}"
    for row in rows:
        print(*row, sep="  ", flush=True)
    print(said)
    if options.record:
        title = "What `light` may prune of TREC DL19"
        record(Result("quality-proof", title, "python -m benchmarks.quality_proof --record", HEADER, rows, said))


def _rows(proof: Proof) -> list[list[str]]:
    return [
        [
            f"{step.share:.0%}", test.pipeline, test.measure, f"{test.whole:.4f}", f"{test.pruned:.4f}",
            f"{test.interval[0]:+.4f} to {test.interval[1]:+.4f}", f"{test.p_non_inferiority:.3f}",
            f"{test.p_equivalence:.3f}", f"{test.power:.2f}", str(test.topics_needed),
        ]
        for step in proof.steps
        for test in step.tests
    ]  # fmt: skip


def _said(proof: Proof) -> str:
    proved = f"proved: {proof.certificate.sentence}." if proof.certificate else "no certificate."
    return f"{proved} {proof.reason}."


if __name__ == "__main__":
    main()
