"""Blends for indexes without judgments: nDCG@10 of the first stage and of what the shipped blends make of it.

    python -m benchmarks.portable_blend [COLLECTION/SPLIT ...] [--queries 2000] [--record]

The fused ranking is that of the defaults, reciprocal ranks of 200 candidates of each arm. Differences are paired by
query and tested by randomisation.
"""

from __future__ import annotations

import argparse
import shlex
import sys

from tamis.eval.significance import bootstrap_interval, randomisation
from tamis.indexer.published import PublishedIndex
from tamis.rankers.assemble import SHIPPED
from tamis.rankers.blend.bundle import BlendBundle
from tamis.rankers.config import PipelineConfig
from tamis.training.mining import sampled

from .corpora import built
from .effectiveness import read, score
from .harness import Result, record

COLLECTIONS = (
    "cosqa/dev", "hotpotqa-100/dev", "musique-100/dev", "pubmedqa/dev", "squad20-dev/dev", "birco-doris-mae/dev",
    "birco-wtb/dev", "birco-clinical-trial/dev", "squad11/dev", "msmarco-mini/dev", "nfcorpus/dev", "wikiqa/dev",
    "trecqa/dev", "pydocs/test", "scifact/test", "msmarco-mini/dl19",
)  # fmt: skip
PIPELINES = {
    "BM25": PipelineConfig(retrievers=("sparse",)),
    "dense": PipelineConfig(retrievers=("dense",)),
    "fused": PipelineConfig(),
    **{name: PipelineConfig(blend=name) for name in SHIPPED},
}
HEADER = ("collection", "queries", *PIPELINES, "default - fused, 95 %, p", "open - fused, 95 %, p")
REMARKS = (
    "A star: the blend learned from that collection's train split. Asked of the default one: not significantly worse "
    "than the fused ranking on any dev split; on TREC DL 2019, with the slice's train split learned from, at least 4 % "
    "over the best of BM25, dense and fused."
)


def main() -> None:
    """Measure the collections and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("collections", nargs="*", default=list(COLLECTIONS))
    parser.add_argument("--queries", type=int, default=2_000, help="most queries of a split")
    parser.add_argument("--record", action="store_true", help="write the table to RESULTS.md")
    options = parser.parse_args()
    known = {name: learned_from(name) for name in SHIPPED}
    rows = []
    for name in options.collections:
        rows.append(measured(name, options.queries, known))
        print(*rows[-1], sep="  ", flush=True)
    if options.record:
        command = shlex.join(["python", "-m", "benchmarks.portable_blend", *sys.argv[1:]])
        record(Result("portable-blend", "Blends for indexes without judgments", command, HEADER, rows, REMARKS))


def learned_from(blend: str) -> set[str]:
    """Name the collections that a shipped blend learned from."""
    told = BlendBundle.open(SHIPPED[blend]).card()["trained_on"]
    assert isinstance(told, list)
    return {source["collection"] for source in told}


def measured(name: str, most: int, known: dict[str, set[str]]) -> list[str]:
    """Measure every pipeline on one collection's split."""
    judged = sampled(read(name), most, 0)
    with PublishedIndex.open(built(judged.corpus, f"{judged.name}-default")) as index:
        values = {pipeline: score(index, config, judged) for pipeline, config in PIPELINES.items()}
    cells = [f"{values[one].mean():.4f}" + ("*" if judged.name in known.get(one, set()) else "") for one in PIPELINES]
    differences = []
    for blend in SHIPPED:
        gains = values[blend] - values["fused"]
        interval = bootstrap_interval(gains)
        share = gains.mean() / values["fused"].mean()
        low, high, p = interval.low, interval.high, randomisation(gains)
        differences.append(f"{gains.mean():+.4f} ({share:+.1%}) [{low:+.4f}, {high:+.4f}], p {p:.2g}")
    return [name, f"{len(judged.queries):,}", *cells, *differences]


if __name__ == "__main__":
    main()
