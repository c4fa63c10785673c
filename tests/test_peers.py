"""The benchmarks' peers: processes of their own, which measure themselves."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from benchmarks.harness import alternate
from benchmarks.peers import SCRIPTS, Peer, PeerFailed, Worker

SCRIPT = f"""
import os, sys, time
sys.path.insert(0, {str(SCRIPTS)!r})
from serving import serve

def nap(seconds):
    print("what a library prints")
    time.sleep(seconds)
    return sys.prefix

def refuse():
    raise ValueError("no such index")

def die():
    print("out of memory", file=sys.stderr, flush=True)
    os._exit(3)

serve({{"nap": nap, "refuse": refuse, "die": die}}, {{"nap": str.upper}})
"""


@pytest.fixture(scope="module")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("peers")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TAMIS_PEERS", str(folder))
        yield folder


@pytest.fixture
def worker(environments: Path) -> Iterator[Worker]:
    (environments / "none.txt").write_text("# nothing to install\n")
    (environments / "script.py").write_text(SCRIPT)
    with Peer("napper", environments / "none.txt", environments / "script.py").start(threads=1) as started:
        yield started


def test_it_runs_in_an_environment_of_its_own_and_measures_itself(worker: Worker, environments: Path) -> None:
    answer = worker.time("nap", seconds=0.05)
    assert answer.value == str(environments / "napper").upper()
    assert 0.05 <= answer.seconds < 0.5
    assert answer.cpu_seconds < 0.05


def test_taking_turns_counts_its_own_time(worker: Worker) -> None:
    def slow_way() -> object:
        time.sleep(0.3)  # as the transfer of much data
        return worker.time("nap", seconds=0.01)

    (took,) = alternate({"napper": slow_way}, rounds=1, warm_up=0)["napper"]
    assert 0.01 <= took < 0.3


def test_what_it_raises_is_told_and_it_goes_on(worker: Worker) -> None:
    with pytest.raises(PeerFailed, match=r"asked to refuse(?s:.*)ValueError: no such index"):
        worker.ask("refuse")
    with pytest.raises(PeerFailed, match=r"asked to guess(?s:.*)KeyError"):
        worker.ask("guess")
    assert worker.ask("nap", seconds=0)["seconds"] < 0.5


def test_its_last_words_are_shown_when_it_dies(worker: Worker) -> None:
    for _ in range(2):
        with pytest.raises(PeerFailed, match="ended with 3 when asked to die:\nout of memory"):
            worker.ask("die")


def test_a_closed_worker_says_so(worker: Worker) -> None:
    worker.close()
    with pytest.raises(PeerFailed, match="was closed"):
        worker.ask("nap", seconds=0)


def test_requirements_that_cannot_be_had(environments: Path) -> None:
    (environments / "bad.txt").write_text("./there-is-no-such-folder\n")
    peer = Peer("bad", environments / "bad.txt", environments / "script.py")
    with pytest.raises(PeerFailed, match=r"pip install .* failed:(?s:.*)there-is-no-such-folder"):
        peer.install()
    assert not (peer.folder / "ready").exists()
