"""How every error looks."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .shape import Shape

ErrorCode = Literal[
    "invalid_json", "missing_field", "unknown_field", "wrong_type", "out_of_range",
    "empty_query", "invalid_filter", "query_too_long", "control_character", "invalid_input",
    "unknown_index", "unknown_pipeline", "unknown_docid", "unknown_route", "method_not_allowed",
    "body_too_large", "unsupported_media_type", "internal_error", "not_ready",
    "reload_under_way", "trial_failed", "unknown_version", "overloaded", "out_of_time", "client_gone",
    "no_access", "not_allowed", "unknown_host", "unknown_model",
]  # fmt: skip
"""Stable names of errors; docs/http.md says when each is given."""


class ErrorBody(Shape):
    """What went wrong."""

    message: str = Field(description="what, which value, what was expected, what to do")
    type: Literal[
        "invalid_request_error", "authentication_error", "permission_error", "not_found_error", "rate_limit_error",
        "server_error",
    ]  # fmt: skip
    param: str | None = Field(description="field or parameter at fault")
    code: ErrorCode = Field(description="stable name of the error, for programs")
    request_id: str


class ErrorEnvelope(Shape):
    """Every answer that is not 2xx."""

    error: ErrorBody
