"""What goes in and comes out over HTTP: the typed shapes that /openapi.json shows."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from tamis.indexer.filters import Filter


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SearchRequest(_Shape):
    """Body of POST /v1/search; types are strict: `k` is a JSON integer, not "10" and not true."""

    model_config = ConfigDict(strict=True)

    query: str = Field(description="what to look for; limits are in /v1/info", examples=["how do I sort a list"])
    k: int = Field(10, description="how many hits; the order does not depend on it")
    index: str | None = Field(None, description="name of an index; may be left out where one is served")
    pipeline: str | None = Field(None, description="name of a pipeline, see /v1/info; else the default one")
    filter: Filter | None = Field(
        None, description="condition on the typed metadata columns that every hit fulfils; /v1/info lists the columns"
    )
    weights: dict[str, float] | None = Field(
        None, description="what arms weigh in the fusion, by name, where that is not as the pipeline has it"
    )
    budget_ms: float | None = Field(
        None, description="milliseconds that the answer may take; stages that find no time are left out, and named"
    )
    require: list[Literal["blend", "rerank"]] = Field(
        [], description="stages that must do their whole work; where one did less, the answer is an error"
    )
    explain: bool = Field(False, description="add the pipeline's configuration, from which scores can be recomputed")
    return_text: bool = Field(True, description="false: `text` of every hit is null")
    exclude_ids: list[str] = Field([], description="ids of passages or documents that the asker has already")
    diversity: float | None = Field(
        None, description="0 to 1: how much being unlike the hits above counts (maximal marginal relevance)"
    )
    documents: Literal["best", "sum"] | None = Field(
        None, description="one hit for each document: in the order of its best passage, or of its best three added up"
    )


class CandidatesQuery(_Shape):
    """Parameters of GET /v1/{index}/search, named as Pyserini's and Anserini's servers name them."""

    query: str = Field(description="what to look for; limits are in /v1/info")
    hits: int = Field(10, description="how many candidates")
    parse: bool = Field(True, description="true: `doc` is text or an object; false: one string holding JSON")


class DocumentQuery(_Shape):
    """Parameters of GET /v1/{index}/doc/{docid}."""

    parse: bool = Field(True, description="true: `doc` is text or an object; false: one string holding JSON")


class IndexIdentity(_Shape):
    """Which index answered, exactly."""

    name: str
    version: str
    fingerprint: str = Field(description="hash of configuration and files: what the index is")


class QueryText(_Shape):
    """The query as it was searched."""

    text: str


class StageScore(_Shape):
    """What one stage said of a passage."""

    rank: int = Field(description="1 is best")
    score: float


class Hit(_Shape):
    """One answer."""

    docid: str
    document_id: str = Field(description="document that the passage was cut from")
    rank: int = Field(description="1 is best")
    score: float
    title: str
    text: str | None = Field(description="null where return_text is false")
    metadata: dict[str, JsonValue]
    stages: dict[str, StageScore | None] = Field(description="by stage name; null: that stage did not find it")
    explain: dict[str, float] | None = Field(
        None, description="only with explain, where a blend ranks: what each group of features added to its score"
    )


class Degradation(_Shape):
    """A stage that did less than it should have."""

    stage: str
    reason: str
    action: str


class ColdDecision(_Shape):
    """Whether the cold tier, which holds what was pruned, was asked, and why."""

    asked: bool
    reason: str
    gap: float | None = Field(
        description="dense score of the best hot passage less that of the 100th; null: it was not looked at"
    )
    below: float | None = Field(description="gap below which the cold tier is asked; null: it always is")


class MultiSearchRequest(_Shape):
    """Body of POST /v1/msearch: several queries, each answered as it would be alone."""

    model_config = ConfigDict(strict=True)

    queries: list[str] = Field(description="what to look for; limits are in /v1/info", min_length=1)
    k: int = Field(10, description="how many hits for each")
    index: str | None = Field(None, description="name of an index; may be left out where one is served")
    pipeline: str | None = Field(None, description="name of a pipeline, see /v1/info; else the default one")
    filter: Filter | None = Field(None, description="condition that every hit fulfils, as at /v1/search")
    weights: dict[str, float] | None = Field(None, description="what the arms weigh in the fusion, as at /v1/search")
    budget_ms: float | None = Field(None, description="milliseconds that the answers may take together")
    require: list[Literal["blend", "rerank"]] = Field([], description="as in /v1/search")
    return_text: bool = Field(True, description="false: `text` of every hit is null")
    fuse: bool = Field(False, description="true: one ranking for all queries, by reciprocal ranks, in one response")
    exclude_ids: list[str] = Field([], description="ids of passages or documents that the asker has already")
    diversity: float | None = Field(
        None, description="0 to 1: how much being unlike the hits above counts (maximal marginal relevance)"
    )
    documents: Literal["best", "sum"] | None = Field(
        None, description="one hit for each document: in the order of its best passage, or of its best three added up"
    )


class OneOfMany(_Shape):
    """The answer to one of several queries."""

    query: QueryText
    hits: list[Hit]
    cold: ColdDecision | None = Field(None, description="as at /v1/search")


class MultiSearchResponse(_Shape):
    """Answer of POST /v1/msearch."""

    api: Literal["v1"]
    index: IndexIdentity
    responses: list[OneOfMany] = Field(description="in the order of the queries; one alone with `fuse`")
    took_ms: float = Field(description="for all queries together")
    timings_ms: dict[str, float]
    degraded: list[Degradation]
    request_id: str


class SearchResponse(_Shape):
    """Answer of POST /v1/search."""

    api: Literal["v1"]
    index: IndexIdentity
    query: QueryText
    hits: list[Hit]
    took_ms: float
    timings_ms: dict[str, float] = Field(description="by step; sparse and dense run side by side")
    degraded: list[Degradation] = Field(description="empty: every stage did its whole work")
    request_id: str
    cold: ColdDecision | None = Field(
        None, description="only where the pipeline may ask a cold tier, and the index has one"
    )
    pipeline: dict[str, JsonValue] | None = Field(None, description="only with explain: the pipeline's configuration")


Doc = Annotated[
    str | dict[str, JsonValue],
    Field(description="the text alone where there is no title or metadata; else an object; with parse=false JSON"),
]


class Candidate(_Shape):
    """One answer in Pyserini's shape."""

    docid: str
    score: float
    rank: int
    doc: Doc


class CandidatesResponse(_Shape):
    """Answer of GET /v1/{index}/search."""

    api: Literal["v1"]
    index: str
    query: QueryText
    candidates: list[Candidate]


class DocumentResponse(_Shape):
    """Answer of GET /v1/{index}/doc/{docid}."""

    api: Literal["v1"]
    index: str
    docid: str
    doc: Doc


class FetchRequest(_Shape):
    """Body of POST /v1/fetch: passages by their ids, and what stands round them."""

    model_config = ConfigDict(strict=True)

    ids: list[str] = Field(description="ids of passages, as hits have them in `docid`")
    index: str | None = Field(None, description="name of an index; may be left out where one is served")
    before: int = Field(0, ge=0, le=100, description="passages of the same document to give from before each")
    after: int = Field(0, ge=0, le=100, description="passages of the same document to give from after each")


class PassageShape(_Shape):
    """One passage."""

    docid: str
    document_id: str
    title: str
    text: str
    metadata: dict[str, JsonValue]


class FetchResponse(_Shape):
    """Answer of POST /v1/fetch."""

    api: Literal["v1"]
    index: IndexIdentity
    passages: list[list[PassageShape]] = Field(description="for each id the passages that were asked for, in order")


class ExplainRequest(_Shape):
    """Body of POST /v1/explain: where one passage went on the way of one query."""

    model_config = ConfigDict(strict=True)

    query: str
    docid: str
    index: str | None = Field(None, description="name of an index; may be left out where one is served")
    pipeline: str | None = Field(None, description="name of a pipeline, see /v1/info; else the default one")


class ExplainResponse(_Shape):
    """Answer of POST /v1/explain."""

    api: Literal["v1"]
    index: IndexIdentity
    query: str
    docid: str
    rank: int | None = Field(description="in the final ranking, 1 is best; null: it is not in it")
    score: float | None
    stages: dict[str, StageScore | None] = Field(description="null: the stage did not give it")
    lost_at: str | None = Field(description="the first stage that dropped it")
    tier: Literal["hot", "cold"] | None = Field(None, description="where the index has two tiers: which one it is in")
    cold: ColdDecision | None = Field(None, description="as at /v1/search")


class Health(_Shape):
    """Answer of the health routes."""

    status: Literal["ok", "not ready"]
    reasons: list[str] = Field(default_factory=list, description="why it is not ready")


class IndexSummary(_Shape):
    """One index that is served."""

    name: str
    ready: bool
    version: str | None = Field(None, description="null until it is open, like all that follows")
    fingerprint: str | None = None
    created: str | None = None
    corpus: str | None = None
    documents: int | None = None
    passages: int | None = None


class IndexList(_Shape):
    """Answer of GET /v1/indexes."""

    api: Literal["v1"]
    indexes: list[IndexSummary]


class EncoderInfo(_Shape):
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


class Limits(_Shape):
    """What a request may ask for."""

    max_k: int
    max_query_chars: int
    max_body_bytes: int
    max_batch: int
    max_budget_ms: int
    queue: int
    queue_tokens: int


class QualityCost(_Shape):
    """What a step down costs on judged queries."""

    measure: str
    loss: float = Field(description="mean of the measure with the stage minus without it")
    interval: tuple[float, float] = Field(description="of the loss, at 95 %")
    saved_ms: float = Field(description="of the median query")
    exact: bool = Field(description="false: it costs between nothing and this")


class Rung(_Shape):
    """One step down for want of time."""

    stage: str
    action: str
    cost: QualityCost | None = Field(None, description="null where `service.evaluation` says nothing of the stage")


class Info(_Shape):
    """Answer of GET /v1/info."""

    api: Literal["v1"]
    versions: dict[str, str]
    limits: Limits
    threads: int = Field(description="searches that run side by side")
    degradation: list[Rung] = Field(description="what a budget takes away, the first first")
    keys: bool = Field(description="whether requests need an API key")
    indexes: list[IndexInfo]


class ReloadRequest(_Shape):
    """Body of POST /v1/admin/reload; it may be left out."""

    index: str | None = Field(None, description="name of an index; may be left out where one is served")
    version: str | None = Field(None, description="a published version; else the current one of the folder")


class RollbackRequest(_Shape):
    """Body of POST /v1/admin/rollback; it may be left out."""

    index: str | None = Field(None, description="name of an index; may be left out where one is served")


class Reloaded(_Shape):
    """What a switch did."""

    index: str
    outcome: Literal["switched", "unchanged"]
    version: str = Field(description="what is served now")
    previous: str | None = Field(description="what a rollback would serve")


class IndexVersions(_Shape):
    """Which version of an index is served."""

    index: str
    version: str | None
    previous: str | None


class AdminStatus(_Shape):
    """Answer of GET /v1/admin/status."""

    under_way: str | None = Field(description="the switch that is under way")
    indexes: list[IndexVersions]


class ServedModel(_Shape):
    """One model, as OpenAI lists them, and what it is here."""

    id: str
    object: Literal["model"] = "model"
    created: int = Field(description="seconds since 1970: when the index that it serves was published")
    owned_by: Literal["tamis"] = "tamis"
    kind: Literal["encoder", "reranker"]
    fingerprint: str
    max_tokens: int = Field(description="longest text, or pair of texts, that it reads; what is beyond is cut off")


class ModelList(_Shape):
    """Answer of GET /v1/models."""

    object: Literal["list"] = "list"
    data: list[ServedModel]


ErrorCode = Literal[
    "invalid_json", "missing_field", "unknown_field", "wrong_type", "out_of_range",
    "empty_query", "invalid_filter", "query_too_long", "control_character", "invalid_input",
    "unknown_index", "unknown_pipeline", "unknown_docid", "unknown_route", "method_not_allowed",
    "body_too_large", "unsupported_media_type", "internal_error", "not_ready",
    "reload_under_way", "trial_failed", "unknown_version", "overloaded", "out_of_time", "client_gone",
    "no_access", "not_allowed", "unknown_host", "unknown_model",
]  # fmt: skip
"""Stable names of errors; docs/http.md says when each is given."""


class ErrorBody(_Shape):
    """What went wrong."""

    message: str = Field(description="what, which value, what was expected, what to do")
    type: Literal[
        "invalid_request_error", "authentication_error", "permission_error", "not_found_error", "rate_limit_error",
        "server_error",
    ]  # fmt: skip
    param: str | None = Field(description="field or parameter at fault")
    code: ErrorCode = Field(description="stable name of the error, for programs")
    request_id: str


class ErrorEnvelope(_Shape):
    """Every answer that is not 2xx."""

    error: ErrorBody
