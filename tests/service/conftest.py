"""A real server on a free port of this machine, over a small real index."""

from __future__ import annotations

import io
import logging
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import uvicorn
from fastapi import FastAPI

from tamis.indexer.build import build
from tamis.indexer.config import IndexConfig
from tamis.indexer.corpus.open import open_corpus
from tamis.rankers.engine import Engine
from tamis.service.address import address, bind
from tamis.service.app import create_app
from tamis.service.config import ServiceConfig
from tamis.service.logs import configure_logs
from tamis.service.serve import server_config

from ..models.scorer_sources import save_cross_encoder

Start = Callable[[FastAPI], str]

ODD_IDS = ("a/b c", "ünï/ç?#%2F&=+", "..", "../x", "doc#1", "10.1145/3397271.3401075", "Grüße 🎉", 'it\'s "quoted"\\')
"""Ids that break services which put them into paths."""


@contextmanager
def running(app: FastAPI, config: ServiceConfig | None = None) -> Iterator[str]:
    """Serve an app in a thread; gives its base URL."""
    listener = bind("127.0.0.1", 0)
    server = uvicorn.Server(server_config(app, config or ServiceConfig(), getattr(app.state, "door", None)))
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    url = address(listener)
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.005)
    yield url
    server.should_exit = True
    thread.join(timeout=20)
    assert not thread.is_alive(), "the server did not stop"


@pytest.fixture
def start() -> Iterator[Start]:
    """Function that serves an app until the test ends."""
    contexts = []

    def begin(app: FastAPI) -> str:
        context = running(app)
        contexts.append(context)
        return context.__enter__()

    yield begin
    for context in contexts:
        context.__exit__(None, None, None)


@pytest.fixture(scope="session")
def odd_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An open index whose ids hold slashes, blanks and worse."""
    folder = tmp_path_factory.mktemp("odd")
    lines: list[dict[str, object]] = [
        {"_id": id_, "title": "", "text": f"passage number {n}"} for n, id_ in enumerate(ODD_IDS)
    ]
    lines.append({"_id": "titled", "title": "A title", "text": "with text", "metadata": {"year": 1999}})
    (folder / "corpus.jsonl").write_bytes(b"\n".join(map(orjson.dumps, lines)))
    config = IndexConfig()
    build(open_corpus(str(folder / "corpus.jsonl"), config.corpus), folder / "index", config)
    with Engine.open(folder / "index") as engine:
        yield engine


@pytest.fixture(scope="session")
def cross_encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Folder of a tiny cross-encoder of real class and random weights, exported as a bundle."""
    from tamis.models.export_scorer import export_scorer

    folder = tmp_path_factory.mktemp("cross-encoder")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's and transformers' own, at import
        source = save_cross_encoder(folder / "tiny", "bert")
        export_scorer(source, folder / "tiny.fp32", "cross-encoder")
    return str(folder / "tiny.fp32")


@pytest.fixture(scope="session")
def config() -> ServiceConfig:
    """Limits that are small enough to be reached by tests."""
    return ServiceConfig(max_k=50, max_query_chars=2_000, max_body_bytes=20_000)


@pytest.fixture(scope="session")
def url(tiny_engine: Engine, odd_engine: Engine, config: ServiceConfig) -> Iterator[str]:
    """Base URL of a service with the indexes `tiny` and `odd`."""
    with running(create_app({"tiny": tiny_engine, "odd": odd_engine}, config)) as base:
        yield base


@pytest.fixture(scope="session")
def client(url: str) -> Iterator[httpx.Client]:
    """A client of that service."""
    with httpx.Client(base_url=url, timeout=30) as client:
        yield client


@pytest.fixture
def log_lines() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What the service logs during a test, read as JSON."""
    loggers = [logging.getLogger(name) for name in ("tamis", "uvicorn")]
    before = [(logger.handlers, logger.level, logger.propagate) for logger in loggers]
    stream = io.StringIO()
    writer = configure_logs(ServiceConfig(), stream)

    def lines() -> list[dict[str, Any]]:
        writer.flush()
        return [orjson.loads(line) for line in stream.getvalue().splitlines()]

    yield lines
    writer.close()
    for logger, (handlers, level, propagate) in zip(loggers, before, strict=True):
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)


@pytest.fixture(scope="session")
def tamis(tiny_index: Path) -> list[str]:
    """Command line that serves the small index on a free port."""
    return [sys.executable, "-m", "tamis.cli", "serve", str(tiny_index), "--port", "0"]
