"""Administration over HTTP; access.py asks for a key with the scope `admin` before anything here runs."""

from __future__ import annotations

from fastapi import APIRouter, Request

from .errors import responses
from .info_schemas import AdminStatus, IndexVersions, Reloaded, ReloadRequest, RollbackRequest
from .state import State

router = APIRouter(prefix="/v1/admin", tags=["admin"])
ERRORS = responses(400, 401, 403, 404, 409, 413, 415, 421, 422, 500, 503)


@router.post("/reload", responses=ERRORS)
async def reload(request: Request, body: ReloadRequest | None = None) -> Reloaded:
    """Serve another version of an index: the current one of its folder, or the one that is named."""
    asked = body or ReloadRequest()
    state = State.of(request)
    name, _ = state.indexes.find(asked.index)
    outcome, version = await state.reloader.reload(name, asked.version)
    return Reloaded(index=name, outcome=outcome, version=version, previous=state.reloader.previous(name))


@router.post("/rollback", responses=ERRORS)
async def rollback(request: Request, body: RollbackRequest | None = None) -> Reloaded:
    """Serve the version again that was served before the present one; the folder of the index stays as it is."""
    state = State.of(request)
    name, _ = state.indexes.find(None if body is None else body.index)
    outcome, version = await state.reloader.rollback(name)
    return Reloaded(index=name, outcome=outcome, version=version, previous=state.reloader.previous(name))


@router.get("/status", responses=responses(401, 403, 421))
async def status(request: Request) -> AdminStatus:
    """Tell which versions are served, and whether one is being switched."""
    state = State.of(request)
    found = [
        IndexVersions(
            index=name,
            version=None if engine is None else engine.index.manifest.version,
            previous=state.reloader.previous(name),
        )
        for name, engine in state.indexes
    ]
    return AdminStatus(under_way=state.reloader.under_way, indexes=found)
