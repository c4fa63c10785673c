"""What the service says of itself: health, indexes, models, limits, and switches between versions."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, JsonValue

from .shape import Shape


class Health(Shape):
    """Answer of the health routes."""

    status: Literal["ok", "not ready"]
    reasons: list[str] = Field(default_factory=list, description="why it is not ready")


class IndexSummary(Shape):
    """One index that is served."""

    name: str
    ready: bool
    version: str | None = Field(None, description="null until it is open, like all that follows")
    fingerprint: str | None = None
    created: str | None = None
    corpus: str | None = None
    documents: int | None = None
    passages: int | None = None


class IndexList(Shape):
    """Answer of GET /v1/indexes."""

    api: Literal["v1"]
    indexes: list[IndexSummary]


class EncoderInfo(Shape):
    """The model behind the dense stage."""

    name: str
    dimension: int
    query_fingerprint: str
    passage_fingerprint: str
    passage_precision: str


class IndexInfo(IndexSummary):
    """One index in full."""

    sparse_engine: str | None = None
    dense_kind: str | None = None
    dense_recall: float | None = Field(None, description="recall@100 of HNSW on a sample; null where search is exact")
    encoder: EncoderInfo | None = None
    columns: dict[str, str] | None = Field(None, description="typed metadata columns and their kinds, for `filter`")
    config: dict[str, JsonValue] | None = Field(None, description="what shaped the index")
    pipeline: dict[str, JsonValue] | None = Field(None, description="what shapes the path of a query")
    pipelines: dict[str, dict[str, JsonValue]] | None = Field(None, description="every pipeline by name, `default` too")
    built_with: dict[str, str] | None = None
    pruning: dict[str, JsonValue] | None = Field(None, description="what was left out, and what was proved about it")


class Limits(Shape):
    """What a request may ask for."""

    max_k: int
    max_query_chars: int
    max_body_bytes: int
    max_batch: int
    max_budget_ms: int
    queue: int
    queue_tokens: int


class QualityCost(Shape):
    """What a step down costs on judged queries."""

    measure: str
    loss: float = Field(description="mean of the measure with the stage minus without it")
    interval: tuple[float, float] = Field(description="of the loss, at 95 %")
    saved_ms: float = Field(description="of the median query")
    exact: bool = Field(description="false: it costs between nothing and this")


class Rung(Shape):
    """One step down for want of time."""

    stage: str
    action: str
    cost: QualityCost | None = Field(None, description="null where `service.evaluation` says nothing of the stage")


class Info(Shape):
    """Answer of GET /v1/info."""

    api: Literal["v1"]
    versions: dict[str, str]
    limits: Limits
    threads: int = Field(description="searches that run side by side")
    degradation: list[Rung] = Field(description="what a budget takes away, the first first")
    keys: bool = Field(description="whether requests need an API key")
    indexes: list[IndexInfo]


class ReloadRequest(Shape):
    """Body of POST /v1/admin/reload; it may be left out."""

    index: str | None = Field(None, description="name of an index; may be left out where one is served")
    version: str | None = Field(None, description="a published version; else the current one of the folder")


class RollbackRequest(Shape):
    """Body of POST /v1/admin/rollback; it may be left out."""

    index: str | None = Field(None, description="name of an index; may be left out where one is served")


class Reloaded(Shape):
    """What a switch did."""

    index: str
    outcome: Literal["switched", "unchanged"]
    version: str = Field(description="what is served now")
    previous: str | None = Field(description="what a rollback would serve")


class IndexVersions(Shape):
    """Which version of an index is served."""

    index: str
    version: str | None
    previous: str | None


class AdminStatus(Shape):
    """Answer of GET /v1/admin/status."""

    under_way: str | None = Field(description="the switch that is under way")
    indexes: list[IndexVersions]


class ServedModel(Shape):
    """One model, as OpenAI lists them, and what it is here."""

    id: str
    object: Literal["model"] = "model"
    created: int = Field(description="seconds since 1970: when the index that it serves was published")
    owned_by: Literal["tamis"] = "tamis"
    kind: Literal["encoder", "reranker"]
    fingerprint: str
    max_tokens: int = Field(description="longest text, or pair of texts, that it reads; what is beyond is cut off")


class ModelList(Shape):
    """Answer of GET /v1/models."""

    object: Literal["list"] = "list"
    data: list[ServedModel]
