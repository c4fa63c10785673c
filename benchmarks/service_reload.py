"""Reloads, one after the other, for a minute under load: failed requests, and answers of more than one version.

    python -m benchmarks.service_reload

Builds a small index with two versions in a temporary folder, unless --index names one that has two.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from pathlib import Path

import orjson

from tamis.indexer.build import build
from tamis.indexer.config import IndexConfig
from tamis.indexer.corpus.open import open_corpus
from tamis.indexer.versions import IndexFolder

from .harness import Result, record
from .serving import Answers, Service, closed_loop, post, serving

KEY = "a key for this benchmark alone"
LEAST = 10


def main() -> None:
    """Measure, print, and record where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passages", type=int, default=1_000, help="size of each version")
    parser.add_argument("--seconds", type=float, default=60, help="how long versions are switched")
    parser.add_argument("--record", action="store_true", help="write the table to RESULTS.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        index = _two_versions(Path(folder), options.passages)
        with serving(index, "[service]\nlog_requests = false\n", key=KEY) as service:
            figures = measure(service, IndexFolder(index), options.seconds)
    for name, value in figures.items():
        print(f"{name:<44}{value:>8}")
    if options.record:
        switched, failed, mixed = (figures[name] for name in list(figures)[:3])
        reached = switched >= LEAST and not failed and not mixed and figures["409 to a reload during another"] > 0
        record(Result(
            name="service-reload", title=f"Reloads for {options.seconds:g} s under load",
            command="python -m benchmarks.service_reload --record", header=("figure", "count"),
            rows=[[name, f"{value}"] for name, value in figures.items()],
            remarks=f"Asked: at least {LEAST} reloads, no failed request, each answer of one version, 409 to a reload "
            f"during another: {'reached' if reached else 'missed'}.",
        ))  # fmt: skip


def measure(service: Service, folder: IndexFolder, seconds: float) -> dict[str, int]:
    """Switch back and forth while four clients ask."""
    first, second = folder.versions()
    end = time.perf_counter() + seconds
    found: list[Answers] = []
    body = {"query": "passage of edition", "k": 1}
    asking = threading.Thread(target=lambda: found.append(
        closed_loop(service, 4, lambda _: time.perf_counter() > end, lambda _: body, key=KEY, keep=True)
    ))  # fmt: skip
    asking.start()
    switched = failed = 0
    meanwhile: list[int] = []
    while time.perf_counter() < end:
        impatient = threading.Timer(0.5, lambda: meanwhile.append(_reload(service, first)))
        impatient.start()
        status = _reload(service, (second, first)[switched % 2])
        impatient.join()
        switched += status == 200
        failed += status != 200
    asking.join()
    mixed = 0
    for content in found[0].bodies:
        answer = orjson.loads(content)
        edition = {first: "1", second: "2"}.get(answer.get("index", {}).get("version"))
        mixed += answer.get("hits") is not None and answer["hits"][0]["text"][-1] != edition
    return {
        "reloads": switched,
        "failed requests": sum(status != 200 for status in found[0].statuses) + failed,
        "answers of more than one version": mixed,
        "409 to a reload during another": meanwhile.count(409),
        "requests": len(found[0].statuses),
    }


def _reload(service: Service, version: str) -> int:
    return post(service.connect(), "/v1/admin/reload", {"version": version}, KEY)[0]


def _two_versions(folder: Path, passages: int) -> Path:
    config = IndexConfig.model_validate({"sparse": {"engine": "bm25s"}})
    for edition in (1, 2):
        lines = [{"_id": f"p{n}", "title": "", "text": f"passage {n} of edition {edition}"} for n in range(passages)]
        corpus = folder / f"corpus{edition}.jsonl"
        corpus.write_bytes(b"\n".join(map(orjson.dumps, lines)))
        build(open_corpus(str(corpus), config.corpus), folder / "index", config)
        time.sleep(1.1)  # versions are named by the second
    return folder / "index"


if __name__ == "__main__":
    main()
