"""SearchResult to bytes of JSON, straight from the dataclasses: this is on the path of every query.

Scores are float32; as the float64 of the same value they come back exactly from the text that
orjson writes, so that a run made of HTTP answers is the offline one, bit by bit.
"""

from __future__ import annotations

from typing import Any

import orjson

from tamis.indexer.passage import Passage
from tamis.rankers.engine import Engine
from tamis.rankers.hits import Hit, SearchResult

from .schemas import MultiSearchRequest, SearchRequest


def render_search(name: str, engine: Engine, request: SearchRequest, result: SearchResult, request_id: str) -> bytes:
    """Write the answer of POST /v1/search (schema: SearchResponse)."""
    manifest = engine.index.manifest
    body: dict[str, Any] = {
        "api": "v1",
        "index": {"name": name, "version": manifest.version, "fingerprint": manifest.fingerprint},
        "query": {"text": result.query},
        "hits": [_hit(hit, request.return_text) for hit in result.hits],
        "took_ms": result.took_ms,
        "timings_ms": result.timings_ms,
        "degraded": result.degraded,
        "request_id": request_id,
    }
    if result.cold is not None:
        body["cold"] = result.cold
    if request.explain:
        body["pipeline"] = engine.weighed(request.pipeline, request.weights or {}).model_dump(mode="json")
    return orjson.dumps(body)


def render_many(
    name: str, engine: Engine, request: MultiSearchRequest, results: list[SearchResult], request_id: str
) -> bytes:
    """Write the answer of POST /v1/msearch (schema: MultiSearchResponse)."""
    manifest, first = engine.index.manifest, results[0]
    responses = [
        {
            "query": {"text": result.query},
            "hits": [_hit(hit, request.return_text) for hit in result.hits],
            **({} if result.cold is None else {"cold": result.cold}),
        }
        for result in results
    ]
    return orjson.dumps(
        {
            "api": "v1",
            "index": {"name": name, "version": manifest.version, "fingerprint": manifest.fingerprint},
            "responses": responses,
            "took_ms": first.took_ms,
            "timings_ms": first.timings_ms,
            "degraded": first.degraded,
            "request_id": request_id,
        }
    )


def _hit(hit: Hit, return_text: bool) -> dict[str, Any]:
    return {
        "docid": hit.id,
        "document_id": hit.document_id,
        "rank": hit.rank,
        "score": hit.score,
        "title": hit.title,
        "text": hit.text if return_text else None,
        "metadata": hit.metadata,
        "stages": hit.stages,
        **({} if hit.explain is None else {"explain": hit.explain}),
    }


def render_candidates(name: str, result: SearchResult, parse: bool) -> bytes:
    """Write the answer of GET /v1/{index}/search (schema: CandidatesResponse)."""
    candidates = [
        {"docid": hit.id, "score": hit.score, "rank": hit.rank, "doc": _doc(hit, parse)} for hit in result.hits
    ]
    return orjson.dumps({"api": "v1", "index": name, "query": {"text": result.query}, "candidates": candidates})


def render_document(name: str, passage: Passage, parse: bool) -> bytes:
    """Write the answer of GET /v1/{index}/doc/{docid} (schema: DocumentResponse)."""
    return orjson.dumps({"api": "v1", "index": name, "docid": passage.id, "doc": _doc(passage, parse)})


def _doc(passage: Hit | Passage, parse: bool) -> str | dict[str, Any]:
    """Shape a passage as Pyserini's server does: its only field, an object of several, or one JSON string."""
    doc: dict[str, Any] = {"title": passage.title} if passage.title else {}
    doc["text"] = passage.text
    if passage.metadata:
        doc["metadata"] = passage.metadata
    if not parse:
        return orjson.dumps({"id": passage.id, **doc}).decode()
    return passage.text if len(doc) == 1 else doc


def server_timing(result: SearchResult) -> str:
    """Write the header Server-Timing, which browsers and tracing tools show."""
    steps = [f"{name};dur={ms:.3f}" for name, ms in result.timings_ms.items()]
    return ", ".join([*steps, f"total;dur={result.took_ms:.3f}"])
