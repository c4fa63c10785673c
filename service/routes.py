"""Search and passages over HTTP: a request is checked, searched in a worker thread, and rendered."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from tamis.errors import NotFound
from tamis.rankers.engine import Engine

from .errors import RequestError, responses
from .limits import check_k, check_pipeline, check_query
from .rendering import render_candidates, render_document, render_search, server_timing
from .schemas import (
    CandidatesQuery,
    CandidatesResponse,
    DocumentQuery,
    DocumentResponse,
    SearchRequest,
    SearchResponse,
)
from .state import State

router = APIRouter(tags=["search"])

IndexName = Annotated[str, Path(description="registered name of an index, see /v1/indexes")]
JSON = "application/json"
SEARCH_ERRORS = responses(400, 404, 413, 415, 500, 503)


@router.post("/v1/search", response_model=SearchResponse, responses=SEARCH_ERRORS)
@router.post("/search", response_model=SearchResponse, responses=SEARCH_ERRORS, summary="Alias of /v1/search")
async def search(request: Request, body: SearchRequest) -> Response:
    """Search an index: hits best first, each with what every stage said of it."""
    state = State.of(request)
    name, engine = state.indexes.find(body.index)
    check_query(body.query, state.config)
    check_k(body.k, "k", state.config)
    check_pipeline(body.pipeline, engine)
    return await state.workers.run(_search, name, engine, body, request.state.request_id)


def _search(name: str, engine: Engine, body: SearchRequest, request_id: str) -> Response:
    result = engine.search(body.query, body.k, body.pipeline)
    content = render_search(name, engine, body, result, request_id)
    return Response(content, media_type=JSON, headers={"Server-Timing": server_timing(result)})


@router.get("/v1/{index}/search", response_model=CandidatesResponse, responses=responses(400, 404, 500, 503))
async def candidates(request: Request, index: IndexName, asked: Annotated[CandidatesQuery, Query()]) -> Response:
    """Search an index, in the shape that clients of Pyserini's and Anserini's servers know."""
    state = State.of(request)
    name, engine = state.indexes.find(index)
    check_query(asked.query, state.config)
    check_k(asked.hits, "hits", state.config)
    return await state.workers.run(_candidates, name, engine, asked)


def _candidates(name: str, engine: Engine, asked: CandidatesQuery) -> Response:
    result = engine.search(asked.query, asked.hits)
    content = render_candidates(name, result, asked.parse)
    return Response(content, media_type=JSON, headers={"Server-Timing": server_timing(result)})


@router.get("/v1/{index}/doc/{docid:path}", response_model=DocumentResponse, responses=responses(400, 404, 500, 503))
async def document(
    request: Request,
    index: IndexName,
    docid: Annotated[str, Path(description="id of a passage, percent-encoded; it may hold slashes")],
    asked: Annotated[DocumentQuery, Query()],
) -> Response:
    """Fetch one passage by its id."""
    state = State.of(request)
    name, engine = state.indexes.find(index)
    return await state.workers.run(_document, name, engine, docid, asked)


def _document(name: str, engine: Engine, docid: str, asked: DocumentQuery) -> Response:
    try:
        passage = engine.fetch(docid)
    except NotFound:
        message = f"index {name!r} has no passage with id {docid[:256]!r}; ids are case-sensitive"
        raise RequestError(404, "unknown_docid", message, "docid") from None
    return Response(render_document(name, passage, asked.parse), media_type=JSON)
