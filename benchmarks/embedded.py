"""What a search costs beyond `Pipeline.run` inside somebody's program: `tamis.open(...).search`, and each adapter.

    python -m benchmarks.embedded [--record]

The index of Python's documentation, 10 hits, one query a call, no reranker. Every query is asked by each contender
before the next one is, in turns; what one adds is the median over queries of its time less that of the one it wraps.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable

os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"

import pandas as pd

import tamis
from tamis.eval.judged import read_judged
from tamis.integrations import haystack, langchain, llamaindex, pyterrier
from tamis.integrations.local import Local
from tamis.rankers.ranking import Query

from .corpora import pydocs_index
from .harness import Result, median, percentile, record

K = 10
SEARCH, ADAPTER = 0.2, 1.0
HEADER = ("contender", "median ms", "over", "adds, median ms", "adds, 95 % ms", "asked, ms")


def main() -> None:
    """Measure, print, and record where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="times that each of the 300 queries is asked")
    parser.add_argument("--record", action="store_true", help="write the table to RESULTS.md")
    options = parser.parse_args()
    texts = [query.text for query in read_judged("pydocs", "test").queries] * options.rounds
    with tamis.open(pydocs_index()) as searcher:
        assert isinstance(searcher, Local)
        took = measure(contenders(searcher, texts), texts)
    names = list(took)
    rows = [[names[0], f"{median(took[names[0]]):.3f}", "", "", "", ""]]
    missed = []
    for name in names[1:]:
        below, most = (names[0], SEARCH) if name == names[1] else (names[1], ADAPTER)
        added = [mine - its for mine, its in zip(took[name], took[below], strict=True)]
        if median(added) > most:
            missed.append(name)
        cells = f"{median(took[name]):.3f}", below, f"{median(added):.3f}", f"{percentile(added, 0.95):.3f}"
        rows.append([name, *cells, f"{most:g}"])
    for row in (HEADER, *rows):
        print(*row, sep="\t")
    if options.record:
        verdict = f"missed by {', '.join(missed)}" if missed else "reached"
        record(Result(
            "embedded", "What searching inside a program adds", "python -m benchmarks.embedded --record", HEADER, rows,
            f"{len(texts)} searches each, {K} hits with their texts. Asked: search adds at most {SEARCH} ms to "
            f"Pipeline.run, an adapter at most {ADAPTER:g} ms to search: {verdict}.",
        ))  # fmt: skip


def contenders(searcher: Local, texts: list[str]) -> dict[str, Callable[[str], object]]:
    """Give the pipeline, the search around it, and the adapters around that."""
    chain = langchain.TamisRetriever(searcher=searcher, k=K)
    nodes = llamaindex.TamisRetriever(searcher, k=K)
    component = haystack.TamisRetriever(searcher, top_k=K)
    transformer = pyterrier.TamisRetriever(searcher, k=K)
    frames = {text: pd.DataFrame([["0", text]], columns=["qid", "query"]) for text in texts}
    return {
        "Pipeline.run": lambda text: searcher.engine.pipeline.run([Query("0", text)]),
        "search": lambda text: searcher.search(text, K),
        "LangChain": chain.invoke,
        "LlamaIndex": nodes.retrieve,
        "Haystack": lambda text: component.run(text),
        "PyTerrier": lambda text: transformer(frames[text]),
    }


def measure(asked: dict[str, Callable[[str], object]], texts: list[str]) -> dict[str, list[float]]:
    """Time each query by each contender, in an order that moves on by one: milliseconds by contender."""
    took: dict[str, list[float]] = {name: [] for name in asked}
    names = list(asked)
    for number, text in enumerate([*texts[:50], *texts]):  # the first warm everything up
        for name in names[number % len(names) :] + names[: number % len(names)]:
            start = time.perf_counter()
            asked[name](text)
            if number >= 50:
                took[name].append((time.perf_counter() - start) * 1000)
    return took


if __name__ == "__main__":
    main()
