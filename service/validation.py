"""What pydantic finds wrong with a request, as a sentence for whoever sent it."""

from __future__ import annotations

import difflib
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel

from .error_schemas import ErrorCode

JSON_TYPES = {
    "str": "a string", "int": "an integer", "float": "a number", "bool": "a boolean",
    "list": "an array", "dict": "an object", "NoneType": "null",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a request."""

    status: int
    code: ErrorCode
    message: str
    param: str | None = None


def explain(error: RequestValidationError, endpoint: Callable[..., object] | None) -> Finding:
    """Describe the first finding; `endpoint` tells which fields are known."""
    found: Mapping[str, Any] = error.errors()[0]
    where = [str(part) for part in found["loc"]]
    param = ".".join(where[1:])[:64] or None
    match found["type"]:
        case "json_invalid":
            place = f"{found['ctx']['error']} at character {where[-1]}"
            return Finding(400, "invalid_json", f"the body is not valid JSON: {place}")
        case "extra_forbidden":
            hint = f"; {_nearest(where[-1], endpoint)}" if len(where) == 2 else ""
            return Finding(400, "unknown_field", f"unknown field {param!r}{hint}", param)
        case "missing":
            missing = f"{param!r} is required" if param else "a JSON object is required as body"
            return Finding(400, "missing_field", missing, param)
        case "string_unicode":
            return Finding(400, "invalid_json", "the body holds a text with half a surrogate pair, which is no text")
    if param is None:
        return _not_an_object(found["input"])
    message = f"{param!r}: {found['msg'][:1].lower()}{found['msg'][1:]}"
    if where[0] == "body":
        message += f", got {JSON_TYPES.get(type(found['input']).__name__, 'something else')}"
    return Finding(400, "wrong_type", message, param)


def _not_an_object(body: object) -> Finding:
    if isinstance(body, bytes):
        message = "the body must be JSON; send the header Content-Type: application/json"
        return Finding(415, "unsupported_media_type", message)
    got = JSON_TYPES.get(type(body).__name__, "something else")
    return Finding(400, "wrong_type", f"the body must be a JSON object, got {got}")


def _nearest(name: str, endpoint: Callable[..., object] | None) -> str:
    known = _fields(endpoint) if endpoint else []
    near = difflib.get_close_matches(name[:64], known, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"known fields: {', '.join(known)}"


@lru_cache
def _fields(endpoint: Callable[..., object]) -> list[str]:
    """Name the fields of all models that an endpoint takes."""
    hints = typing.get_type_hints(endpoint)
    models = [hint for name, hint in hints.items() if name != "return" and isinstance(hint, type)]
    return [field for model in models if issubclass(model, BaseModel) for field in model.model_fields]
