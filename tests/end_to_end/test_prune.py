"""From the command line: prove, build what was proved, look at it, ask the service about it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

TAMIS = [sys.executable, "-m", "tamis.cli"]


def run(*words: str | Path) -> str:
    done = subprocess.run([*TAMIS, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def told(index: Path) -> dict[str, Any]:
    """What the service says of an index."""
    command = [*TAMIS, "serve", str(index), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            found = re.search(r"listening on (http://\S+)", process.stderr.readline())
            assert found
            deadline = time.monotonic() + 60
            while httpx.get(f"{found[1]}/readyz").status_code != 200:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            answer: dict[str, Any] = httpx.get(f"{found[1]}/v1/info").raise_for_status().json()["indexes"][0]
            return answer
        finally:
            process.kill()


def check(index: Path, corpus: str, collection: str, *options: str) -> dict[str, Any]:
    """Prove, build, inspect, ask; gives the certificate."""
    proof = orjson.loads(run("prune", "prove", index, collection, *options, "--json"))
    certificate = proof["certificate"]
    assert certificate is not None, proof["reason"]
    before = orjson.loads(run("index", "inspect", index, "--json"))
    run("index", "build", corpus, "--out", index, "--prune", "certified")
    after = orjson.loads(run("index", "inspect", index, "--json"))
    pruning = after["pruning"]
    assert pruning["certificate"] == certificate
    assert after["passages"] == before["passages"] - pruning["pruned"]
    proved = next(step for step in certificate["steps"] if step["share"] == certificate["share"])
    assert after["passages"] == proved["passages"]
    saved = pruning["saved"]
    assert saved["bytes_whole"] == certificate["bytes"] > saved["bytes_pruned"] > 0
    assert saved["bytes_pruned"] == sum(
        one["bytes"] for name, one in after["files"].items() if not name.startswith(("encoder/", "pruned/"))
    )
    assert saved["bytes_pruned"] == pytest.approx(proved["bytes"], rel=0.03)
    assert saved["cpu_seconds_whole"] > 0 and saved["cpu_seconds_pruned"] > 0
    shown = " ".join(run("index", "inspect", index).split())
    assert f"{certificate['share']:.0%} pruned by {certificate['estimator']}" in shown
    assert "saved" in shown
    assert told(index)["pruning"] == pruning
    return dict(certificate)


def test_prove_build_inspect_serve(tiny_index: Path, tiny_corpus: Path, asked: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_index, tmp_path / "index", symlinks=True)
    options = ("--margin", "20%", "-m", "R@10", "--share", "0.05", "--share", "0.1")
    certificate = check(tmp_path / "index", str(tiny_corpus), str(asked), *options)
    assert certificate["margin"] == 0.2
    whole = run("index", "restore", tmp_path / "index")
    assert whole == ""
    restored = orjson.loads(run("index", "inspect", tmp_path / "index", "--json"))
    assert restored["pruning"]["certificate"] is None and restored["pruning"]["saved"] is None


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_fifteen_percent_of_the_python_documentation(tmp_path: Path) -> None:
    """Estimator and duplicates were chosen on the training questions."""
    run("index", "build", "pydocs", "--out", tmp_path / "index")
    options = ("--margin", "5%", "--estimator", "length", "--duplicates", "near")
    certificate = check(tmp_path / "index", "pydocs", "pydocs", *options)
    assert certificate["share"] >= 0.15


@pytest.mark.parametrize("share", ["0.95", "-0.1", "nan", "much"])
def test_a_share_that_cannot_be_pruned_is_refused_before_anything_is_read(tmp_path: Path, share: str) -> None:
    command = [*TAMIS, "index", "build", "pydocs", "--out", str(tmp_path / "index"), f"--prune={share}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "quality.prune" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "index").exists()


def test_certified_without_a_certificate_says_how_to_get_one(tmp_path: Path) -> None:
    command = [*TAMIS, "index", "build", "pydocs", "--out", str(tmp_path / "index"), "--prune", "certified"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "tamis prune prove" in done.stderr and "Traceback" not in done.stderr


def test_compare(tiny_index: Path, asked: Path, tmp_path: Path) -> None:
    options = [
        "--split",
        "test",
        "--estimator",
        "length",
        "--estimator",
        "random",
        "--figures",
        str(tmp_path / "pictures"),
    ]
    found = orjson.loads(run("prune", "compare", tiny_index, asked, *options, "--json"))
    assert [one["estimator"] for one in found] == ["length", "random"]
    assert all(0 < one["area"] < 1 and one["per_second"] > 0 and one["knows"] == 0 for one in found)
    assert {path.name for path in (tmp_path / "pictures").iterdir()} == {"roc.svg", "kept-by-estimator.svg"}
