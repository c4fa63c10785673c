from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import orjson
import pytest

from tamis.errors import InvalidInput, NotFound
from tamis.eval.replay import ReplayFailed, check_identical, find_served, offline, replay
from tamis.eval.runs import check_coverage, run_queries
from tamis.eval.trec import Run, read_run
from tamis.models.shipped import NAME
from tamis.rankers.config import PipelineConfig
from tamis.rankers.engine import Engine
from tamis.rankers.ranking import Query

TAMIS = [sys.executable, "-m", "tamis.cli"]
TEXTS = (
    "random element", "copy a tree", "median of numbers", "parse JSON", "next permutation", "csv with a header",
    "how do I copy a directory with everything in it",
)  # fmt: skip
QUERIES = [Query(f"q{number}", text) for number, text in enumerate(TEXTS * 3)]


@pytest.fixture
def address(tiny_index: Path) -> Iterator[str]:
    """A real service over the small index, in a process of its own."""
    with serving(tiny_index) as found:
        yield found


@contextmanager
def serving(index: Path, *options: str) -> Iterator[str]:
    """Serve an index in a process of its own; gives the address."""
    command = [*TAMIS, "serve", str(index), "--port", "0", *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        line = next(line for line in process.stderr if "listening on" in line)
        try:
            yield line.rpartition(" ")[2].strip()
        finally:
            process.terminate()
            process.stderr.read()


def wait_until_ready(address: str) -> None:
    """Wait for the index to be open."""
    import time

    import httpx

    for _ in range(200):
        if httpx.get(f"{address}/readyz").status_code == 200:
            return
        time.sleep(0.1)
    pytest.fail("the service never became ready")


def test_what_is_served_is_byte_for_byte_what_was_evaluated(address: str, tiny_engine: Engine) -> None:
    wait_until_ready(address)
    served = find_served(address, tiny_engine.index.manifest.fingerprint)
    expected = offline(tiny_engine, served, QUERIES)
    for concurrency in (1, 8, 32):
        found = replay(served, QUERIES, concurrency, lambda done: None)
        assert check_identical(expected, found, concurrency) == len(expected) > len(QUERIES)
    with pytest.raises(NotFound, match="does not serve this index"):
        find_served(address, "0" * 64)


def test_the_default_reranker_is_served_as_it_was_evaluated(tiny_index: Path, tmp_path: Path) -> None:
    """It changes the order of what it reads, and requests in any company give the same bytes."""
    config = PipelineConfig(rerank=NAME, rerank_depth=10, rerank_weights={"rerank": 0.6, "previous": 0.4})
    file = tmp_path / "pipeline.toml"
    file.write_text(
        f'[pipeline]\nrerank = "{NAME}"\nrerank_depth = 10\nrerank_weights = {{ rerank = 0.6, previous = 0.4 }}\n'
    )
    asked = QUERIES[: len(TEXTS)]
    with Engine.open(tiny_index, config) as engine, serving(tiny_index, "--config", str(file)) as address:
        wait_until_ready(address)
        served = find_served(address, engine.index.manifest.fingerprint)
        expected = offline(engine, served, asked)
        answer = engine.pipeline.run(asked)
        for ranking in answer.rankings:
            assert np.isfinite(ranking.features["rerank"][:10]).all()
            assert np.isnan(ranking.features["rerank"][10:]).all()
        for concurrency in (1, 8):
            found = replay(served, asked, concurrency, lambda done: None)
            assert check_identical(expected, found, concurrency) == len(expected)
    with Engine.open(tiny_index) as without:
        before = without.pipeline.run(asked).rankings
    assert any(one.rows[0] != other.rows[0] for one, other in zip(answer.rankings, before, strict=True))


def test_a_single_swapped_hit_is_found() -> None:
    scores = np.array([3, 2, 1], np.float32)
    expected = Run({"q": (["a", "b", "c"], scores)})
    with pytest.raises(ReplayFailed, match=r"line 2 differs(.|\n)*evaluated: q Q0 b 2 2\.0(.|\n)*served:    q Q0 c"):
        check_identical(expected, Run({"q": (["a", "c", "b"], scores)}), 8)
    with pytest.raises(ReplayFailed, match="line 3 differs"):
        check_identical(expected, Run({"q": (["a", "b"], scores[:2])}), 8)
    nearly = np.array([3, np.nextafter(np.float32(2), np.float32(3)), 1], np.float32)
    with pytest.raises(ReplayFailed, match="line 2 differs"):
        check_identical(expected, Run({"q": (["a", "b", "c"], nearly)}), 8)


def test_a_service_that_does_not_answer_is_named() -> None:
    with pytest.raises(NotFound, match="does not answer"):
        find_served("http://127.0.0.1:9", "0" * 64)


def test_an_interrupted_run_goes_on_and_another_key_begins_anew(tmp_path: Path, tiny_engine: Engine) -> None:
    partial = tmp_path / "rankings.jsonl"
    seen: list[int] = []
    whole = run_queries(tiny_engine, QUERIES, partial, "key", seen.append).run
    lines = partial.read_bytes().splitlines(keepends=True)
    partial.write_bytes(b"".join(lines[:6]) + lines[6][:10])  # five rankings, and one that was cut off
    seen.clear()
    again = run_queries(tiny_engine, QUERIES, partial, "key", seen.append).run
    assert seen[0] == 5
    check_identical(whole, again, 1)
    seen.clear()
    run_queries(tiny_engine, QUERIES, partial, "other key", seen.append)
    assert seen[0] == 0


def test_coverage_is_counted_and_a_foreign_run_refused() -> None:
    one = np.ones(1, np.float32)
    run = Run({"q1": (["a"], one), "q9": (["a"], one)}, ties=4)
    warnings = check_coverage(run, {"q1": {"a": 1}, "q2": {"b": 1}, "q3": {"b": 1}})
    assert [warning.split()[0] for warning in warnings] == ["2", "1", "4"]
    with pytest.raises(InvalidInput, match="answers none of the 1 judged queries"):
        check_coverage(run, {"x": {"a": 1}})
    with pytest.raises(InvalidInput, match="none of the judged passages"):
        check_coverage(run, {"q1": {"z": 1}})


def test_the_commands_run_score_and_compare(tmp_path: Path, tiny_index: Path) -> None:
    """The run that was written scores the same when it is read back, and compares as equal."""
    folder = tmp_path / "collection"
    (folder / "qrels").mkdir(parents=True)
    rows = [("1", "copy a tree", "shutil.copytree"), ("2", "median of a list", "statistics.median")]
    (folder / "queries.jsonl").write_bytes(
        b"".join(orjson.dumps({"_id": id_, "text": text}) + b"\n" for id_, text, _ in rows)
    )
    judged = "".join(f"{id_}\t{answer}\t1\n" for id_, _, answer in rows)
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + judged)
    first, second = tmp_path / "first", tmp_path / "second"
    subprocess.run([*TAMIS, "eval", "run", tiny_index, folder, "--out", first], check=True, capture_output=True)
    run_file = first / "run.trec"
    scores = read_run(run_file).rankings["1"][1]
    assert (np.diff(scores) < 0).all()
    subprocess.run([*TAMIS, "eval", "score", run_file, folder, "--out", second], check=True, capture_output=True)
    means = [
        {name: found["mean"] for name, found in orjson.loads((out / "metrics.json").read_bytes())["measures"].items()}
        for out in (first, second)
    ]
    assert means[0] == means[1]
    assert means[0]["R@100"] == 1.0
    done = subprocess.run([*TAMIS, "eval", "compare", first, second], check=True, capture_output=True, text=True)
    assert "are equivalent by nDCG@10" in done.stdout
