"""What goes in and comes out where one searches and reads: the typed shapes that /openapi.json shows."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, JsonValue

from tamis.indexer.filters import Filter

from .shape import Shape


class SearchRequest(Shape):
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


class CandidatesQuery(Shape):
    """Parameters of GET /v1/{index}/search, named as Pyserini's and Anserini's servers name them."""

    query: str = Field(description="what to look for; limits are in /v1/info")
    hits: int = Field(10, description="how many candidates")
    parse: bool = Field(True, description="true: `doc` is text or an object; false: one string holding JSON")


class DocumentQuery(Shape):
    """Parameters of GET /v1/{index}/doc/{docid}."""

    parse: bool = Field(True, description="true: `doc` is text or an object; false: one string holding JSON")


class IndexIdentity(Shape):
    """Which index answered, exactly."""

    name: str
    version: str
    fingerprint: str = Field(description="hash of configuration and files: what the index is")


class QueryText(Shape):
    """The query as it was searched."""

    text: str


class StageScore(Shape):
    """What one stage said of a passage."""

    rank: int = Field(description="1 is best")
    score: float


class Hit(Shape):
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


class Degradation(Shape):
    """A stage that did less than it should have."""

    stage: str
    reason: str
    action: str


class ColdDecision(Shape):
    """Whether the cold tier, which holds what was pruned, was asked, and why."""

    asked: bool
    reason: str
    gap: float | None = Field(
        description="dense score of the best hot passage less that of the 100th; null: it was not looked at"
    )
    below: float | None = Field(description="gap below which the cold tier is asked; null: it always is")


class MultiSearchRequest(Shape):
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


class OneOfMany(Shape):
    """The answer to one of several queries."""

    query: QueryText
    hits: list[Hit]
    cold: ColdDecision | None = Field(None, description="as at /v1/search")


class MultiSearchResponse(Shape):
    """Answer of POST /v1/msearch."""

    api: Literal["v1"]
    index: IndexIdentity
    responses: list[OneOfMany] = Field(description="in the order of the queries; one alone with `fuse`")
    took_ms: float = Field(description="for all queries together")
    timings_ms: dict[str, float]
    degraded: list[Degradation]
    request_id: str


class SearchResponse(Shape):
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


class Candidate(Shape):
    """One answer in Pyserini's shape."""

    docid: str
    score: float
    rank: int
    doc: Doc


class CandidatesResponse(Shape):
    """Answer of GET /v1/{index}/search."""

    api: Literal["v1"]
    index: str
    query: QueryText
    candidates: list[Candidate]


class DocumentResponse(Shape):
    """Answer of GET /v1/{index}/doc/{docid}."""

    api: Literal["v1"]
    index: str
    docid: str
    doc: Doc


class FetchRequest(Shape):
    """Body of POST /v1/fetch: passages by their ids, and what stands round them."""

    model_config = ConfigDict(strict=True)

    ids: list[str] = Field(description="ids of passages, as hits have them in `docid`")
    index: str | None = Field(None, description="name of an index; may be left out where one is served")
    before: int = Field(0, ge=0, le=100, description="passages of the same document to give from before each")
    after: int = Field(0, ge=0, le=100, description="passages of the same document to give from after each")


class PassageShape(Shape):
    """One passage."""

    docid: str
    document_id: str
    title: str
    text: str
    metadata: dict[str, JsonValue]


class FetchResponse(Shape):
    """Answer of POST /v1/fetch."""

    api: Literal["v1"]
    index: IndexIdentity
    passages: list[list[PassageShape]] = Field(description="for each id the passages that were asked for, in order")


class ExplainRequest(Shape):
    """Body of POST /v1/explain: where one passage went on the way of one query."""

    model_config = ConfigDict(strict=True)

    query: str
    docid: str
    index: str | None = Field(None, description="name of an index; may be left out where one is served")
    pipeline: str | None = Field(None, description="name of a pipeline, see /v1/info; else the default one")


class ExplainResponse(Shape):
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
