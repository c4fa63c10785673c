"""Vectors of texts, for clients of OpenAI."""

from __future__ import annotations

import base64

import numpy as np
import orjson
from fastapi import APIRouter, Request, Response

from tamis.models.encoder import Encoder

from .errors import RequestError, responses
from .limits import check_batch
from .model_schemas import EmbeddingRequest, EmbeddingResponse
from .models import find_encoder
from .state import State

router = APIRouter(tags=["models"])


@router.post(
    "/v1/embeddings",
    response_model=EmbeddingResponse,
    responses=responses(400, 401, 403, 404, 413, 415, 421, 429, 500, 503),
)
async def embeddings(request: Request, body: EmbeddingRequest) -> Response:
    """Encode texts with an index' own encoder."""
    state = State.of(request)
    encoder = find_encoder(state.indexes, body.model)
    texts = [body.input] if isinstance(body.input, str) else body.input
    check_batch(texts, "input", state.config)
    if body.dimensions not in (None, encoder.dimension):
        message = f"'dimensions' is {body.dimensions}, and {body.model} gives {encoder.dimension}; leave it out"
        raise RequestError(400, "out_of_range", message, "dimensions")
    return await state.workers.run(request, lambda _: _embed(encoder, texts, body))


def _embed(encoder: Encoder, texts: list[str], body: EmbeddingRequest) -> Response:
    vectors = encoder.encode(texts, body.input_type).astype("<f4")
    tokens = encoder.count_tokens(texts, body.input_type)
    data = [
        {
            "object": "embedding",
            "index": place,
            "embedding": base64.b64encode(vector.tobytes()).decode() if body.encoding_format == "base64" else vector,
        }
        for place, vector in enumerate(np.ascontiguousarray(vectors))
    ]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    answer = {"object": "list", "data": data, "model": body.model, "usage": usage}
    return Response(orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY), media_type="application/json")
