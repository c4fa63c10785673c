"""`tamis verify`: the proof that what is evaluated is what is served."""

from __future__ import annotations

from typing import Annotated

import typer

from .judged import Collection, Split
from .options import IndexPath
from .output import Bars, say


def verify(
    index: IndexPath,
    collection: Collection,
    against: Annotated[str, typer.Option(help="Address of a running service, such as http://127.0.0.1:8080.")],
    split: Split = "test",
) -> None:
    """Prove that what is evaluated is what is served.

    All queries of COLLECTION are asked over HTTP, 1, 8 and 32 at a time; each run must be byte for
    byte that of the pipeline in this process. Any degraded answer fails.

    Example: tamis verify pydocs pydocs --against http://127.0.0.1:8080
    """
    from tamis.eval.judged import read_judged
    from tamis.eval.replay import CONCURRENCY, check_identical, find_served, offline, replay
    from tamis.indexer.manifest import IndexManifest
    from tamis.indexer.versions import IndexFolder
    from tamis.rankers.engine import Engine

    queries = read_judged(collection, split).queries
    served = find_served(against, IndexManifest.read(IndexFolder(index).current()).fingerprint)
    with Engine.open(index, served.pipeline) as engine:
        expected = offline(engine, served, queries)
    bars = Bars()
    for concurrency in CONCURRENCY:
        with bars.phase(f"{concurrency} at a time", len(queries), "queries") as report:
            found = replay(served, queries, concurrency, report)
        lines = check_identical(expected, found, concurrency)
        say(f"concurrency {concurrency}: {len(queries)} queries, {lines:,} lines, byte-identical")
