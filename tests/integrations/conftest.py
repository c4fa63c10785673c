"""One small index, asked in this process and over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import tamis
from tamis.integrations.local import Local
from tamis.integrations.searcher import Searcher
from tamis.models.shipped import NAME
from tamis.rankers.config import PipelineConfig
from tamis.service.app import create_app
from tamis.service.config import ServiceConfig

from ..service.conftest import running

PIPELINES = {"read": PipelineConfig(rerank=NAME, rerank_depth=3)}


@pytest.fixture(scope="session")
def local(tiny_index: Path) -> Iterator[Local]:
    """The small index, open in this process."""
    with tamis.open(tiny_index, pipelines=PIPELINES) as searcher:
        assert isinstance(searcher, Local)
        yield searcher


@pytest.fixture(scope="session")
def url(local: Local) -> Iterator[str]:
    """Base URL of a service over the same engine, which takes 16 items at once."""
    config = ServiceConfig(max_batch=16, queue=500)
    with running(create_app({"tiny": local.engine}, config), config) as base:
        yield base


@pytest.fixture(scope="session")
def remote(url: str) -> Iterator[Searcher]:
    """The same index through the service."""
    with tamis.open(url) as searcher:
        yield searcher


@pytest.fixture(params=["local", "remote"])
def searcher(request: pytest.FixtureRequest) -> Searcher:
    """Each of both."""
    found: Searcher = request.getfixturevalue(request.param)
    return found
