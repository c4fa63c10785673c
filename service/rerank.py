"""Reranking documents of the request itself, for clients of Jina, vLLM, Cohere and text-embeddings-inference."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from fastapi import APIRouter, Request, Response

from tamis.rankers.document_scores import DocumentScores, Unscorable, score_documents
from tamis.rankers.limit import Limit

from .errors import RequestError, responses
from .limits import check_batch, check_query
from .model_schemas import CohereResponse, RerankRequest, RerankResponse, RerankResult, TeiError, TeiRequest, TeiResult
from .models import find_reader
from .state import State

router = APIRouter(tags=["models"])
ERRORS = responses(400, 401, 403, 404, 413, 415, 421, 429, 500, 503)
TEI_ERRORS = responses(400, 401, 403, 404, 413, 415, 421, 429, 500, 503, model=TeiError)
JSON = "application/json"


@router.post("/v1/rerank", response_model=RerankResponse, responses=ERRORS)
async def rerank(request: Request, body: RerankRequest) -> Response:
    """Score documents for a query, as Jina's and vLLM's servers do."""
    texts = _texts(body)
    model, scored = await _score(request, body.model, body.query, texts, "documents")
    return _answer(
        {
            "id": request.state.request_id,
            "model": model,
            "results": _results(scored, texts, body),
            "usage": {"prompt_tokens": scored.tokens, "total_tokens": scored.tokens},
            "truncated": scored.truncated,
        }
    )


@router.post("/v2/rerank", response_model=CohereResponse, response_model_exclude_none=True, responses=ERRORS)
async def cohere(request: Request, body: RerankRequest) -> Response:
    """Score documents for a query, as Cohere's version 2 does."""
    texts = _texts(body)
    _, scored = await _score(request, body.model, body.query, texts, "documents")
    warnings = [f"document {place} did not fit the model's window and was cut" for place in scored.truncated]
    meta = {"api_version": {"version": "2"}, "warnings": warnings}
    return _answer({"id": request.state.request_id, "results": _results(scored, texts, body), "meta": meta})


@router.post("/rerank", response_model=RerankResponse | list[TeiResult], responses=TEI_ERRORS)
async def tei(request: Request, body: TeiRequest | RerankRequest) -> Response:
    """Score texts as text-embeddings-inference does; a body with `documents` is answered as at /v1/rerank."""
    if isinstance(body, RerankRequest):
        return await rerank(request, body)
    _, scored = await _score(request, None, body.query, body.texts, "texts")
    scores = scored.raw if body.raw_scores else scored.scores
    found = [{"index": place, "score": float(scores[place])} for place in scored.order]
    return _answer([{**one, "text": body.texts[int(one["index"])]} for one in found] if body.return_text else found)


def _texts(body: RerankRequest) -> list[str]:
    return [one if isinstance(one, str) else one.text for one in body.documents]


async def _score(
    request: Request, model: str | None, query: str, texts: Sequence[str], param: str
) -> tuple[str, DocumentScores]:
    state = State.of(request)
    name, reader = find_reader(state.indexes, model)
    check_query(query, state.config)
    check_batch(texts, param, state.config)

    def work(limit: Limit) -> DocumentScores:
        try:
            scored = score_documents(reader, query, texts, limit.abandoned)
        except Unscorable as error:
            message = f"model {name!r} could not score number {error.place}"
            raise RequestError(500, "internal_error", message, param) from None
        state.metrics.truncated.inc(len(scored.truncated))
        return scored

    return name, await state.workers.run(request, work)


def _results(scored: DocumentScores, texts: Sequence[str], body: RerankRequest) -> list[dict[str, object]]:
    results: list[dict[str, object]] = []
    for place in scored.order[: body.top_n]:
        result = RerankResult(index=place, relevance_score=float(scored.scores[place])).model_dump(exclude_none=True)
        results.append({**result, "document": {"text": texts[place]}} if body.return_documents else result)
    return results


def _answer(body: object) -> Response:
    return Response(orjson.dumps(body), media_type=JSON)
