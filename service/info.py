"""What is served here: indexes, versions, limits."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, Request

from tamis.rankers.engine import Engine

from .errors import responses
from .info_schemas import EncoderInfo, IndexInfo, IndexList, IndexSummary, Info, Limits
from .state import State

router = APIRouter(tags=["info"])
LIBRARIES = ("tamis", "fastapi", "uvicorn")


@router.get("/v1/indexes", responses=responses())
async def indexes(request: Request) -> IndexList:
    """List the indexes that are served."""
    found = [_summary(name, engine) for name, engine in State.of(request).indexes]
    return IndexList(api="v1", indexes=[IndexSummary(**summary) for summary in found])


@router.get("/v1/info", responses=responses())
async def info(request: Request) -> Info:
    """Tell versions, limits, and what each index is and how it is searched."""
    state = State.of(request)
    config = state.config
    versions = {name: version(name) for name in LIBRARIES} | {"python": platform.python_version()}
    return Info(
        api="v1",
        versions=versions,
        limits=Limits(**{name: getattr(config, name) for name in Limits.model_fields}),
        degradation=state.degradation,
        threads=config.searching,
        keys=bool(state.keys),
        indexes=[IndexInfo(**_summary(name, engine), **_details(engine)) for name, engine in state.indexes],
    )


def _summary(name: str, engine: Engine | None) -> dict[str, Any]:
    if engine is None:
        return {"name": name, "ready": False}
    manifest = engine.index.manifest
    return {
        "name": name,
        "ready": True,
        "version": manifest.version,
        "fingerprint": manifest.fingerprint,
        "created": manifest.created.isoformat(),
        "corpus": manifest.corpus.name,
        "documents": manifest.corpus.documents,
        "passages": manifest.passages,
    }


def _details(engine: Engine | None) -> dict[str, Any]:
    if engine is None:
        return {}
    manifest = engine.index.manifest
    return {
        "sparse_engine": manifest.sparse_engine,
        "dense_kind": manifest.dense_kind,
        "dense_recall": manifest.dense_recall,
        "encoder": EncoderInfo(**manifest.encoder.model_dump()),
        "columns": manifest.config.corpus.metadata,
        "config": manifest.config.model_dump(mode="json"),
        "pipeline": engine.config.model_dump(mode="json"),
        "pipelines": {name: config.model_dump(mode="json") for name, config in engine.configs.items()},
        "built_with": manifest.built_with,
        "pruning": manifest.pruning.model_dump(mode="json") if manifest.pruning else None,
    }
