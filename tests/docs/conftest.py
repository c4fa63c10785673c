"""A folder where the names that the guide uses are there, small; services; and a shell whose `tamis` starts at once."""

from __future__ import annotations

import gzip
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest

import tamis
from tamis.eval.judged import read_judged
from tamis.indexer.build import build
from tamis.indexer.config import IndexConfig
from tamis.indexer.corpus.open import open_corpus
from tamis.integrations.local import Local
from tamis.models.shipped import NAME
from tamis.rankers.config import PipelineConfig
from tamis.service.app import create_app
from tamis.service.config import ServiceConfig

from ..integrations.chat_server import chat_app
from ..service.conftest import running
from .pages import ROOT

WARM = Path(__file__).with_name("warm.py")

Shell = Callable[[str, Path], None]
"""Runs the text of a block in a folder."""


@pytest.fixture(scope="session")
def guide(tmp_path_factory: pytest.TempPathFactory, tiny_corpus: Path, tiny_index: Path) -> Path:
    """The folder: `pydocs` is an index of ten modules, each collection the same 60 passages with their questions."""
    folder = tmp_path_factory.mktemp("guide")
    link_tree(tiny_index, folder / "pydocs")
    (folder / "python").mkdir()  # of the same name as what the index was built of, so that nothing is built again
    shutil.copy(tiny_corpus, folder / "python" / tiny_corpus.name)
    collection = folder / "collection"
    _write_collection(tiny_corpus, collection)
    for name in ("COLLECTION", "CORPUS", "corpus", "scifact", "mine"):
        shutil.copytree(collection, folder / name)
    (folder / "INDEX").symlink_to("pydocs")
    (folder / "notes").mkdir()
    (folder / "notes" / "sieves.md").write_text("# Sieves\n\nA tamis is a drum sieve. Cooks use it.\n")
    build(open_corpus(str(collection), IndexConfig().corpus), folder / "scifact", IndexConfig())
    (folder / "tamis.toml").write_text('[pipelines.cheap]\nretrievers = ["sparse"]\n')
    (folder / "with-rerank.toml").write_text(f'[pipeline]\nrerank = "{NAME}"\nrerank_depth = 3\n')
    _write_runs(folder)
    return folder


def link_tree(source: Path, target: Path) -> None:
    """Copy an index without its bytes: what is published is never written again."""
    shutil.copytree(source, target, symlinks=True, copy_function=os.link, dirs_exist_ok=True)


def _write_collection(corpus: Path, folder: Path) -> None:
    passages = {line["_id"]: line for line in map(orjson.loads, corpus.read_bytes().splitlines())}
    (folder / "qrels").mkdir(parents=True)
    queries: list[bytes] = []
    kept: set[str] = set()
    for split in ("train", "test"):
        judged = read_judged("pydocs", split)
        rows = ["query-id\tcorpus-id\tscore"]
        for query in judged.queries:
            if judged.qrels[query.id].keys() <= passages.keys():
                queries.append(orjson.dumps({"_id": query.id, "text": query.text}))
                rows += [f"{query.id}\t{id_}\t{grade}" for id_, grade in judged.qrels[query.id].items()]
                kept |= judged.qrels[query.id].keys()
        assert len(rows) > 5, split
        for name in (split, "dev") if split == "test" else (split,):
            (folder / "qrels" / f"{name}.tsv").write_text("\n".join(rows) + "\n")
    others = [id_ for id_ in passages if id_ not in kept]
    chosen = [passages[id_] for id_ in passages if id_ in kept or id_ in others[: 60 - len(kept)]]
    (folder / "corpus.jsonl").write_bytes(b"\n".join(map(orjson.dumps, chosen)))
    (folder / "queries.jsonl").write_bytes(b"\n".join(queries))


def _write_runs(folder: Path) -> None:
    """Write the files of MS MARCO, and runs over them and over the collection, from the collection."""
    judged = read_judged(str(folder / "collection"), "test")
    run = [
        f"{query.id} Q0 {id_} {rank} {10 - rank} bm25"
        for query in judged.queries
        for rank, id_ in enumerate(judged.qrels[query.id], 1)
    ]
    for name in ("bm25.trec.gz", "dl19.BM25.top100.trec.gz"):
        (folder / name).write_bytes(gzip.compress("\n".join(run).encode()))
    (folder / "bm25.dl19.txt").write_text("\n".join(run))
    qrels = [
        f"{query} 0 {id_} {2 * grade}\n" for query, grades in judged.qrels.items() for id_, grade in grades.items()
    ]
    (folder / "dl19.trec.gz").write_bytes(gzip.compress("".join(qrels).encode()))
    marco = folder / "msmarco"
    marco.mkdir()
    passages = map(orjson.loads, (folder / "collection" / "corpus.jsonl").read_bytes().splitlines())
    (marco / "collection.tsv").write_text("".join(f"{p['_id']}\t{' '.join(p['text'].split())}\n" for p in passages))
    queries = "".join(f"{query.id}\t{query.text}\n" for query in judged.queries)
    for name in ("msmarco-test2019-queries.tsv", "queries.dev.small.tsv"):
        (marco / name).write_text(queries)
    for name in ("2019qrels-pass.txt", "qrels.dev.small.tsv"):
        (marco / name).write_text("".join(qrels))


@pytest.fixture(scope="session")
def services(guide: Path) -> Iterator[dict[str, str]]:
    """Addresses of the guide, and where there is what it means: the index `pydocs`, and a language model."""
    pipelines = {"read": PipelineConfig(rerank=NAME, rerank_depth=3)}
    with tamis.open(guide / "pydocs", pipelines=pipelines) as index:
        assert isinstance(index, Local)
        with running(create_app({"pydocs": index.engine}, ServiceConfig())) as url, running(chat_app([], None)) as llm:
            yield {"http://127.0.0.1:8080": url, "http://127.0.0.1:8000": llm}


@pytest.fixture(scope="session")
def shell(tmp_path_factory: pytest.TempPathFactory, services: dict[str, str]) -> Iterator[Shell]:
    """A shell that stops at the first command that fails."""
    folder = tmp_path_factory.mktemp("bin")
    start = f'#!/bin/sh\nexec "{sys.executable}" -S "{WARM}" "{folder}/socket" "$@"\n'
    # Python's whole documentation takes minutes to encode, and a hundred trials to try.
    smaller = 'case "$1 $2 $3" in "index build pydocs") shift 3; set -- index build python/corpus.jsonl "$@";; esac\n'
    fewer = 'case "$1" in tune) set -- "$@" --trials 3;; esac\n'
    scripts = {
        "tamis": start.replace("exec", smaller + fewer + "exec", 1),
        "make": f'#!/bin/sh\nexec /usr/bin/make --dry-run --directory "{ROOT}" "$@"\n',
    }
    for name, text in scripts.items():
        (folder / name).write_text(text)
        (folder / name).chmod(stat.S_IRWXU)
    environment = {
        **os.environ,
        "PATH": f"{folder}:{os.environ['PATH']}",
        "TAMIS_HOME": os.environ.get("TAMIS_HOME", str(Path.home() / ".cache" / "tamis")),
    }

    def run(text: str, where: Path) -> None:
        for said, meant in services.items():
            text = text.replace(said, meant)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=where,
            env={**environment, "HOME": str(where)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=240,
        )
        assert done.returncode == 0, f"{text}\nended with {done.returncode}:\n{done.stdout}"

    command = [sys.executable, str(WARM), "serve", str(folder / "socket")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None and server.stdin is not None
        assert server.stdout.readline() == "ready\n"
        yield run
        server.stdin.close()
        server.wait(20)
