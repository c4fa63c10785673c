"""The models behind the indexes, under the names that requests may use."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import APIRouter, Request

from tamis.models.encoder import Encoder
from tamis.rankers.engine import Engine
from tamis.rankers.pair_scorer import PairScorer

from .errors import RequestError, responses
from .indexes import Indexes
from .info_schemas import ModelList, ServedModel
from .state import State

router = APIRouter(tags=["info"])


@router.get("/v1/models", responses=responses())
async def models(request: Request) -> ModelList:
    """List the models, as OpenAI's clients expect it: encoders for /v1/embeddings, the others for /v1/rerank."""
    found = {}
    for _, engine in State.of(request).indexes:
        if engine is not None:
            found.update({model.id: model for model in _models(engine)})
    return ModelList(data=list(found.values()))


def _models(engine: Engine) -> Iterator[ServedModel]:
    created = int(engine.index.manifest.created.timestamp())
    encoder = engine.index.encoder.bundle
    yield ServedModel(
        id=engine.index.manifest.encoder.name,
        created=created,
        kind="encoder",
        fingerprint=encoder.fingerprint,
        max_tokens=encoder.settings.max_length,
    )
    for name, reader in engine.readers.items():
        bundle = reader.scorer.bundle
        yield ServedModel(
            id=name,
            created=created,
            kind="reranker",
            fingerprint=bundle.fingerprint,
            max_tokens=bundle.settings.max_length,
        )


def find_encoder(indexes: Indexes, name: str) -> Encoder:
    """Return the encoder of that name.

    Raises:
        RequestError: 404 where no index has one, 503 where none is open yet.
    """
    known = {engine.index.manifest.encoder.name: engine.index.encoder for engine in _open(indexes)}
    if name not in known:
        raise _unknown(name, list(known), "an encoder")
    return known[name]


def find_reader(indexes: Indexes, name: str | None) -> tuple[str, PairScorer]:
    """Return the reranker of that name, or the only one there is.

    Raises:
        RequestError: 404 where no index has one, 400 where it must be named, 503 where no index is open yet.
    """
    known = {name: reader for engine in _open(indexes) for name, reader in engine.readers.items()}
    if name is None and len(known) == 1:
        return next(iter(known.items()))
    if name is None and known:
        raise RequestError(400, "missing_field", f"name a model; served here: {', '.join(known)}", "model")
    if name is None or name not in known:
        raise _unknown(name, list(known), "a model that reranks")
    return name, known[name]


def _open(indexes: Indexes) -> list[Engine]:
    engines = [engine for _, engine in indexes if engine is not None]
    if not engines:
        raise RequestError(503, "not_ready", "no index is open yet; try again soon")
    return engines


def _unknown(name: str | None, known: list[str], what: str) -> RequestError:
    served = ", ".join(known) or "none; name one as `rerank` in a pipeline's configuration"
    asked = "" if name is None else f"{name[:64]!r} is no name of {what} here; "
    return RequestError(404, "unknown_model", f"{asked}served here: {served}", "model")
