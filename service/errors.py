"""What went wrong, as HTTP: the one place where errors get their status and their envelope."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.types import Scope

from tamis.errors import InvalidInput, Overloaded, TamisError

from .error_schemas import ErrorCode, ErrorEnvelope
from .validation import explain

UNREADABLE = "the body cannot be read as JSON: it is not UTF-8, nested too deeply, or holds a number of too many digits"
HTTP_CODES: dict[int, tuple[ErrorCode, str]] = {
    400: ("invalid_json", UNREADABLE),
    404: ("unknown_route", "there is nothing at this address; /openapi.json lists what there is"),
    405: ("method_not_allowed", "this address does not take that method; the header Allow names those it takes"),
}

TEI_ROUTE = "/rerank"
"""Where clients of text-embeddings-inference ask; there, errors have its shape."""

TEI_TYPES = {429: "overloaded", 500: "backend", 503: "unhealthy", 504: "overloaded"}

ERRORS: dict[int | str, dict[str, Any]] = {
    "default": {"model": ErrorEnvelope, "description": "Any error: see `error.code`."},
}
"""For `responses=` of every route; being there, it keeps FastAPI from declaring its own 422."""


class RequestError(TamisError):
    """A request that cannot be answered, with the status that says so."""

    def __init__(
        self,
        status: int,
        code: ErrorCode,
        message: str,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param
        self.headers = headers


def responses(*statuses: int, model: type[BaseModel] = ErrorEnvelope) -> dict[int | str, dict[str, Any]]:
    """Declare in OpenAPI that a route answers these statuses with the envelope, or with another model."""
    return {status: {"model": model} for status in (*statuses, "default")} | {
        "default": {**ERRORS["default"], "model": model}
    }


def envelope(
    scope: Scope,
    status: int,
    code: ErrorCode,
    message: str,
    param: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Build the answer that every error has; at /rerank, that of text-embeddings-inference."""
    sent = dict(headers or {})
    if status == 503:
        sent.setdefault("Retry-After", "1")
    if scope["path"] == TEI_ROUTE:
        told = {"error": _clean(message), "error_type": TEI_TYPES.get(status, "validation")}
        return Response(orjson.dumps(told), status, sent, "application/json")
    told = error_body(status, code, message, param, scope.get("state", {}).get("request_id", ""))
    return Response(orjson.dumps(told), status, sent, "application/json")


def error_body(
    status: int, code: ErrorCode, message: str, param: str | None = None, request_id: str = ""
) -> dict[str, Any]:
    """Build the envelope of an error, as it is written in JSON."""
    error = {
        "message": _clean(message),
        "type": _kind(status),
        "param": None if param is None else _clean(param),
        "code": code,
        "request_id": request_id,
    }
    return {"error": error}


def install(app: FastAPI) -> None:
    """Make the app answer every expected error with the envelope; unexpected.py does the others."""
    app.exception_handler(RequestError)(_request_error)
    app.exception_handler(RequestValidationError)(_validation_error)
    app.exception_handler(HTTPException)(_http_error)
    app.exception_handler(InvalidInput)(_invalid_input)
    app.exception_handler(Overloaded)(_overloaded)


async def _request_error(request: Request, error: RequestError) -> Response:
    return envelope(request.scope, error.status, error.code, str(error), error.param, error.headers)


async def _validation_error(request: Request, error: RequestValidationError) -> Response:
    found = explain(error, request.scope.get("endpoint"))
    return envelope(request.scope, found.status, found.code, found.message, found.param)


async def _http_error(request: Request, error: HTTPException) -> Response:
    code, message = HTTP_CODES.get(error.status_code, ("invalid_input", str(error.detail)))
    return envelope(request.scope, error.status_code, code, message, headers=error.headers)


async def _invalid_input(request: Request, error: InvalidInput) -> Response:
    return envelope(request.scope, 400, "invalid_input", str(error))


async def _overloaded(request: Request, error: Overloaded) -> Response:
    request.app.state.service.metrics.rejected.labels("tokens_full").inc()
    return envelope(request.scope, 429, "overloaded", str(error), headers={"Retry-After": "1"})


def _kind(status: int) -> str:
    kinds = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}
    return "server_error" if status >= 500 else kinds.get(status, "invalid_request_error")


def _clean(text: str) -> str:
    """Write lone surrogates as escapes: JSON that is UTF-8 cannot hold them."""
    return text.encode("utf-8", "backslashreplace").decode()
