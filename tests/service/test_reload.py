"""Reload: another version takes the place of the one that is served, and nobody notices but by the version."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from tamis.indexer.build import build
from tamis.indexer.config import IndexConfig
from tamis.indexer.corpus.open import open_corpus
from tamis.indexer.versions import IndexFolder
from tamis.rankers.engine import Engine
from tamis.service.app import create_app
from tamis.service.config import ServiceConfig
from tamis.service.keys import Key, Keys, hash_key
from tamis.service.source import Source

from .conftest import running
from .test_serve import started, wait_until_ready

KEY = "the operator's own key"
ADMIN = {"Authorization": f"Bearer {KEY}"}


@pytest.fixture(scope="module")
def two_versions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index with two versions, of which each passage says from which it is."""
    folder = tmp_path_factory.mktemp("versions")
    for number in (1, 2):
        lines = [{"_id": f"p{n}", "title": "", "text": f"passage {n} of edition {number}"} for n in range(20)]
        corpus = folder / f"corpus{number}.jsonl"
        corpus.write_bytes(b"\n".join(map(orjson.dumps, lines)))
        config = IndexConfig.model_validate({"sparse": {"engine": "bm25s"}})
        build(open_corpus(str(corpus), config.corpus), folder / "index", config)
        time.sleep(1.1)  # versions are named by the second
    return folder / "index"


@pytest.fixture
def index(two_versions: Path, tmp_path: Path) -> Path:
    """A copy of it, of which the first version is the current one."""
    shutil.copytree(two_versions, tmp_path / "index", symlinks=True)
    folder = IndexFolder(tmp_path / "index")
    folder.point_to(folder.versions()[0])
    return folder.path


@pytest.fixture
def url(index: Path) -> Iterator[str]:
    """A service of it, with a key."""
    source = Source(index)
    engines = {"docs": source.open()}
    keys = Keys((Key("operator", ("search", "admin"), hash_key(KEY)),))
    with running(create_app(engines, ServiceConfig(), keys=keys, sources={"docs": source})) as url:
        yield url
    engines["docs"].close()


def ask(client: httpx.Client) -> tuple[str, str]:
    """Search, and give the version that the answer names, and the edition that its text is of."""
    response = client.post("/v1/search", json={"query": "passage of edition", "k": 1}, headers=ADMIN)
    assert response.status_code == 200, response.text
    body: Any = response.json()
    return body["index"]["version"], body["hits"][0]["text"][-1]


def test_versions_are_switched_under_load_and_back(url: str, index: Path) -> None:
    """No request fails, each is answered from exactly one version, and the old ones are let go."""
    folder = IndexFolder(index)
    first, second = folder.versions()
    seen: list[tuple[str, str]] = []
    failures: list[object] = []
    stop = threading.Event()

    def asking() -> None:
        with httpx.Client(base_url=url, timeout=60) as client:
            while not stop.is_set():
                try:
                    seen.append(ask(client))
                except Exception as error:
                    failures.append(error)
                time.sleep(0.01)  # the trial, a process of its own, needs some of the cores

    threads = [threading.Thread(target=asking) for _ in range(3)]
    for thread in threads:
        thread.start()
    with httpx.Client(base_url=url, timeout=120, headers=ADMIN) as client:
        assert client.post("/v1/admin/reload").json()["outcome"] == "unchanged"
        folder.point_to(second)
        answers: list[httpx.Response] = []
        other = threading.Thread(target=lambda: answers.append(client.post("/v1/admin/reload")))
        other.start()
        deadline = time.monotonic() + 60
        while client.get("/v1/admin/status").json()["under_way"] is None:
            assert time.monotonic() < deadline and not answers
        refused = client.post("/v1/admin/reload")
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "reload_under_way")
        other.join(120)
        assert answers[0].json() == {"index": "docs", "outcome": "switched", "version": second, "previous": first}
        assert ask(client) == (second, "2")
        back = client.post("/v1/admin/rollback", json={"index": "docs"}).json()
        assert (back["version"], back["previous"]) == (first, second)
        assert ask(client) == (first, "1")
        stop.set()
        for thread in threads:
            thread.join(60)
        text = client.get("/metrics").text
    assert failures == []
    assert set(seen) == {(first, "1"), (second, "2")}
    assert 'tamis_reload_total{outcome="switched"} 2.0' in text


def test_a_damaged_version_is_not_served(url: str, index: Path) -> None:
    folder = IndexFolder(index)
    first, second = folder.versions()
    file = folder.versions_path / second / "passages.arrow"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.unlink()
    file.write_bytes(content)
    with httpx.Client(base_url=url, timeout=120, headers=ADMIN) as client:
        response = client.post("/v1/admin/reload", json={"version": second})
        error = response.json()["error"]
        assert (response.status_code, error["code"]) == (422, "trial_failed")
        assert "passages.arrow" in error["message"]
        assert ask(client) == (first, "1")
        assert client.post("/v1/admin/reload", json={"version": "2020"}).json()["error"]["code"] == "unknown_version"
        assert client.post("/v1/admin/rollback").status_code == 404
        assert client.get("/v1/admin/status").json()["under_way"] is None


def test_an_engine_without_a_folder_is_not_reloaded(tiny_engine: Engine) -> None:
    keys = Keys((Key("operator", ("search", "admin"), hash_key(KEY)),))
    with running(create_app({"tiny": tiny_engine}, ServiceConfig(), keys=keys)) as url:
        response = httpx.post(f"{url}/v1/admin/reload", headers=ADMIN)
        assert response.status_code == 404 and "not opened from a folder" in response.text


def test_sighup_reloads_the_current_version(tamis: list[str], index: Path) -> None:
    folder = IndexFolder(index)
    second = folder.versions()[1]
    command = [*tamis[:-3], str(index), *tamis[-2:]]
    with started(command) as (process, url):
        wait_until_ready(url)
        folder.point_to(second)
        os.kill(process.pid, signal.SIGHUP)
        deadline = time.monotonic() + 60
        while httpx.get(f"{url}/v1/indexes").json()["indexes"][0]["version"] != second:
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.1)
        process.terminate()
        assert process.wait(20) == 0
