"""Doctor: says what is well, and of what is not, what mends it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import orjson

from tamis.indexer.versions import IndexFolder
from tamis.rankers.engine import Engine
from tamis.service.app import create_app
from tamis.service.config import ServiceConfig
from tamis.service.doctor import _quota, examine
from tamis.service.info_schemas import Info
from tamis.service.source import Source

from .conftest import running
from .test_serve import started, wait_until_ready


def test_all_is_well(tiny_index: Path) -> None:
    found = {one.check: one for one in examine([Source(tiny_index)], ServiceConfig())}
    assert list(found) == [
        "Java", "ONNX Runtime", "threads", "memory",
        f"{tiny_index}: files", f"{tiny_index}: disk", f"{tiny_index}: canary",
    ]  # fmt: skip
    assert "failed" not in {one.state for one in found.values()}
    assert all((one.fix is None) == (one.state == "ok") for one in found.values())
    assert "CPUExecutionProvider" in found["ONNX Runtime"].found


def test_a_damaged_index_and_one_that_is_not_there(tiny_index: Path, tmp_path: Path) -> None:
    """Each is told with its fix, the checks that would need it are left out, and the exit code says so."""
    copy = tmp_path / "copy"
    shutil.copytree(tiny_index, copy, symlinks=True)
    passages = IndexFolder(copy).current() / "passages.arrow"
    content = passages.read_bytes()
    passages.unlink()
    passages.write_bytes(content[:-1])
    command = [sys.executable, "-m", "tamis.cli", "doctor", str(copy), str(tmp_path / "none"), "--json"]
    done = subprocess.run(command, capture_output=True, check=False)
    failed = {one["check"]: one for one in orjson.loads(done.stdout) if one["state"] == "failed"}
    assert done.returncode == 3 and list(failed) == [f"{copy}: files", f"{tmp_path / 'none'}: files"]
    assert "passages.arrow" in failed[f"{copy}: files"]["fix"] and "build again" in failed[f"{copy}: files"]["fix"]


def test_too_many_threads_and_cuda_without_cuda(tiny_index: Path) -> None:
    findings = examine([Source(tiny_index, device="cuda")], ServiceConfig(threads=256))
    found = {one.check: one for one in findings}
    assert found["threads"].state == "warning"
    if "CUDAExecutionProvider" not in found["ONNX Runtime"].found:
        assert found["ONNX Runtime"].state == "failed" and "--device cpu" in str(found["ONNX Runtime"].fix)


def test_a_container_s_share_of_the_cores(tmp_path: Path) -> None:
    file = tmp_path / "cpu.max"
    for written, cores in {"150000 100000": 1.5, "max 100000": None, "": None}.items():
        file.write_text(written)
        assert _quota(file) == cores
    assert _quota(tmp_path / "none") is None


def test_several_indexes_by_name(tamis: list[str], tiny_index: Path) -> None:
    command = [*tamis[:-3], str(tiny_index), f"other={tiny_index}", *tamis[-2:]]
    with started(command) as (process, url):
        wait_until_ready(url)
        assert [one["name"] for one in httpx.get(f"{url}/v1/indexes").json()["indexes"]] == ["tiny", "other"]
        answer = httpx.post(f"{url}/v1/search", json={"query": "sort a list", "index": "other"}).json()
        assert answer["index"]["name"] == "other"
        process.terminate()
        assert process.wait(20) == 0
    for wrong, said in {f"tiny={tiny_index}": b"two indexes", "../x=y": b"cannot name an index"}.items():
        done = subprocess.run([*tamis[:-3], str(tiny_index), wrong], capture_output=True, check=False)
        assert done.returncode != 0 and said in done.stderr


def test_info_says_what_steps_down_cost(tiny_engine: Engine, tmp_path: Path) -> None:
    verdict = {"stage": "rerank", "gain": 0.05, "interval": [0.03, 0.07], "p": 0.001, "ms": 80.0, "verdict": "keep"}
    blend = {**verdict, "stage": "blend", "gain": 0.02, "ms": 4.0}
    ablation = {"measure": "nDCG@10", "baseline": "full", "variants": [], "verdicts": [verdict, blend]}
    file = tmp_path / "ablation.json"
    file.write_bytes(orjson.dumps(ablation))
    with running(create_app({"tiny": tiny_engine}, ServiceConfig(evaluation=file))) as url:
        rungs = Info.model_validate(httpx.get(f"{url}/v1/info").json()).degradation
    expected = [("rerank", False, 0.05, 80.0), ("rerank", True, 0.05, 80.0), ("blend", True, 0.02, 4.0)]
    costs = [(rung.stage, rung.cost) for rung in rungs if rung.cost is not None]
    assert [(stage, cost.exact, cost.loss, cost.saved_ms) for stage, cost in costs] == expected
    assert {cost.measure for _, cost in costs} == {"nDCG@10"}
