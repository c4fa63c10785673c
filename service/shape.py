"""What all shapes of requests and answers share."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Shape(BaseModel):
    """Typed fields, and no others."""

    model_config = ConfigDict(extra="forbid")
