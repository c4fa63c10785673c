"""Passages by id, with what stands round them, and where one of them went on the way of a query."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, TypeVar

import orjson
from fastapi import APIRouter, Request, Response

from tamis.errors import NotFound
from tamis.indexer.passage import Passage
from tamis.rankers.engine import Engine

from .errors import RequestError, responses
from .limits import check_batch, check_pipeline, check_query
from .schemas import ExplainRequest, ExplainResponse, FetchRequest, FetchResponse
from .state import State

router = APIRouter(tags=["search"])
ERRORS = responses(400, 401, 403, 404, 413, 415, 421, 429, 500, 503)
R = TypeVar("R")


@router.post("/v1/fetch", response_model=FetchResponse, responses=ERRORS)
async def fetch(request: Request, body: FetchRequest) -> Response:
    """Fetch passages by their ids, each with neighbours of its document where these are asked for."""
    state = State.of(request)
    name, engine = state.indexes.find(body.index)
    check_batch(body.ids, "ids", state.config)

    def work() -> list[list[Passage]]:
        return [engine.neighbours(id_, body.before, body.after) for id_ in body.ids]

    found = await state.workers.run(request, lambda _: _known(work, "ids"))
    return _answer(name, engine, {"passages": [[_passage(one) for one in group] for group in found]})


@router.post("/v1/explain", response_model=ExplainResponse, responses=ERRORS)
async def explain(request: Request, body: ExplainRequest) -> Response:
    """Say what every stage said of one passage, also where it is far down or was not found."""
    state = State.of(request)
    name, engine = state.indexes.find(body.index)
    check_query(body.query, state.config)
    check_pipeline(body.pipeline, engine)

    def work() -> dict[str, Any]:
        return asdict(engine.explain(body.query, body.docid, body.pipeline))

    found = await state.workers.run(request, lambda _: _known(work, "docid"))
    docid = found.pop("id")
    return _answer(name, engine, {**found, "docid": docid})


def _known(work: Callable[[], R], param: str) -> R:
    try:
        return work()
    except NotFound as error:
        raise RequestError(404, "unknown_docid", f"{error}; ids are case-sensitive", param) from None


def _answer(name: str, engine: Engine, content: dict[str, Any]) -> Response:
    manifest = engine.index.manifest
    index = {"name": name, "version": manifest.version, "fingerprint": manifest.fingerprint}
    return Response(orjson.dumps({"api": "v1", "index": index, **content}), media_type="application/json")


def _passage(passage: Passage) -> dict[str, Any]:
    return {
        "docid": passage.id,
        "document_id": passage.document_id,
        "title": passage.title,
        "text": passage.text,
        "metadata": passage.metadata,
    }
