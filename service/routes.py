"""Search and passages over HTTP: a request is checked, searched in a worker thread, and rendered."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from tamis.errors import NotFound
from tamis.rankers.engine import Engine
from tamis.rankers.limit import Limit
from tamis.rankers.passage_order import PassageOrder

from .errors import RequestError, responses
from .limits import (
    check_batch,
    check_budget,
    check_filter,
    check_ids,
    check_k,
    check_pipeline,
    check_query,
    check_required,
    check_weights,
)
from .metrics import Metrics
from .rendering import render_candidates, render_document, render_many, render_search, server_timing
from .schemas import (
    CandidatesQuery,
    CandidatesResponse,
    DocumentQuery,
    DocumentResponse,
    MultiSearchRequest,
    MultiSearchResponse,
    SearchRequest,
    SearchResponse,
)
from .state import State
from .tracing import note

router = APIRouter(tags=["search"])

IndexName = Annotated[str, Path(description="registered name of an index, see /v1/indexes")]
JSON = "application/json"
SEARCH_ERRORS = responses(400, 401, 403, 404, 413, 415, 421, 429, 500, 503, 504)
READ_ERRORS = responses(400, 401, 403, 404, 421, 429, 500, 503)


@router.post("/v1/search", response_model=SearchResponse, responses=SEARCH_ERRORS)
@router.post("/search", response_model=SearchResponse, responses=SEARCH_ERRORS, summary="Alias of /v1/search")
async def search(request: Request, body: SearchRequest) -> Response:
    """Search an index: hits best first, each with what every stage said of it."""
    state = State.of(request)
    name, engine = state.indexes.find(body.index)
    check_query(body.query, state.config)
    check_k(body.k, "k", state.config)
    check_pipeline(body.pipeline, engine)
    check_weights(body.weights, body.pipeline, engine)
    budget = check_budget(body.budget_ms, state.config)
    check_ids(body.exclude_ids, "exclude_ids")
    order = PassageOrder(body.exclude_ids, body.diversity, body.documents)
    return await state.workers.run(
        request, lambda limit: _search(request, name, engine, body, order, limit, state.metrics), budget
    )


def _search(
    request: Request,
    name: str,
    engine: Engine,
    body: SearchRequest,
    order: PassageOrder,
    limit: Limit,
    metrics: Metrics,
) -> Response:
    check_filter(body.filter, engine)
    result = engine.search(body.query, body.k, body.pipeline, limit, body.filter, body.weights, body.explain, order)
    metrics.searched(result)
    note(request.state, name, body.k, result)
    check_required(body.require, result)
    content = render_search(name, engine, body, result, request.state.request_id)
    return Response(content, media_type=JSON, headers={"Server-Timing": server_timing(result)})


@router.post("/v1/msearch", response_model=MultiSearchResponse, responses=SEARCH_ERRORS)
async def msearch(request: Request, body: MultiSearchRequest) -> Response:
    """Search for several queries in one batch, each answered as it would be alone."""
    state = State.of(request)
    name, engine = state.indexes.find(body.index)
    check_batch(body.queries, "queries", state.config)
    for query in body.queries:
        check_query(query, state.config)
    check_k(body.k, "k", state.config)
    check_pipeline(body.pipeline, engine)
    check_weights(body.weights, body.pipeline, engine)
    check_ids(body.exclude_ids, "exclude_ids")
    budget = check_budget(body.budget_ms, state.config)
    order = PassageOrder(body.exclude_ids, body.diversity, body.documents)
    request_id = request.state.request_id
    return await state.workers.run(
        request, lambda limit: _many(name, engine, body, order, request_id, limit, state.metrics), budget
    )


def _many(
    name: str,
    engine: Engine,
    body: MultiSearchRequest,
    order: PassageOrder,
    request_id: str,
    limit: Limit,
    metrics: Metrics,
) -> Response:
    check_filter(body.filter, engine)
    if body.fuse:
        results = [engine.search_fused(body.queries, body.k, body.pipeline, limit, body.filter, body.weights, order)]
    else:
        results = engine.search_many(body.queries, body.k, body.pipeline, limit, body.filter, body.weights, order=order)
    metrics.searched(results[0])  # steps and what they left undone are those of the whole batch
    check_required(body.require, results[0])
    content = render_many(name, engine, body, results, request_id)
    return Response(content, media_type=JSON, headers={"Server-Timing": server_timing(results[0])})


@router.get("/v1/{index}/search", response_model=CandidatesResponse, responses=READ_ERRORS)
async def candidates(request: Request, index: IndexName, asked: Annotated[CandidatesQuery, Query()]) -> Response:
    """Search an index, in the shape that clients of Pyserini's and Anserini's servers know."""
    state = State.of(request)
    name, engine = state.indexes.find(index)
    check_query(asked.query, state.config)
    check_k(asked.hits, "hits", state.config)
    return await state.workers.run(request, lambda limit: _candidates(name, engine, asked, limit, state.metrics))


def _candidates(name: str, engine: Engine, asked: CandidatesQuery, limit: Limit, metrics: Metrics) -> Response:
    result = engine.search(asked.query, asked.hits, limit=limit)
    metrics.searched(result)
    content = render_candidates(name, result, asked.parse)
    return Response(content, media_type=JSON, headers={"Server-Timing": server_timing(result)})


@router.get("/v1/{index}/doc/{docid:path}", response_model=DocumentResponse, responses=READ_ERRORS)
async def document(
    request: Request,
    index: IndexName,
    docid: Annotated[str, Path(description="id of a passage, percent-encoded; it may hold slashes")],
    asked: Annotated[DocumentQuery, Query()],
) -> Response:
    """Fetch one passage by its id."""
    state = State.of(request)
    name, engine = state.indexes.find(index)
    return await state.workers.run(request, lambda _: _document(name, engine, docid, asked))


def _document(name: str, engine: Engine, docid: str, asked: DocumentQuery) -> Response:
    try:
        passage = engine.fetch(docid)
    except NotFound:
        message = f"index {name!r} has no passage with id {docid[:256]!r}; ids are case-sensitive"
        raise RequestError(404, "unknown_docid", message, "docid") from None
    return Response(render_document(name, passage, asked.parse), media_type=JSON)
