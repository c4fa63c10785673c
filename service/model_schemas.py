"""What goes in and comes out where other people's clients speak to the models alone: Jina, Cohere, TEI, OpenAI."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from .shape import Shape


class _Given(Shape):
    """A body; the fields that these clients send and that mean nothing here are named, and ignored."""

    model_config = ConfigDict(strict=True)


class Document(_Given):
    """A document as an object."""

    text: str


class RerankRequest(_Given):
    """Body of POST /v1/rerank and /v2/rerank, as Jina, vLLM and Cohere have it."""

    model: str | None = Field(None, description="a reranker of /v1/models; may be left out where there is one")
    query: str
    documents: list[str | Document]
    top_n: int | None = Field(None, ge=1, description="how many results; else all")
    return_documents: bool = Field(False, description="repeat each document's text in its result")
    max_tokens_per_doc: int | None = Field(None, description="ignored: the model's own window holds")
    rank_fields: list[str] | None = Field(None, description="ignored: documents have one field")
    truncation: bool | None = Field(None, description="ignored: a document that is too long is cut, and reported")
    priority: int | None = Field(None, description="ignored")
    user: str | None = Field(None, description="ignored")


class TeiRequest(_Given):
    """Body of POST /rerank as text-embeddings-inference has it."""

    query: str
    texts: list[str]
    raw_scores: bool = Field(False, description="true: the model's own scores; false: these through the sigmoid")
    return_text: bool = False
    truncate: bool = Field(False, description="ignored: a text that is too long is cut, and reported")
    truncation_direction: str = Field("Right", description="ignored")


class RerankedDocument(Shape):
    """A document, repeated."""

    text: str


class RerankResult(Shape):
    """One document's score."""

    index: int = Field(description="position among the documents of the request")
    relevance_score: float = Field(description="from 0 to 1: the model's score through the sigmoid")
    document: RerankedDocument | None = None


class Usage(Shape):
    """What the model read."""

    prompt_tokens: int
    total_tokens: int


class RerankResponse(Shape):
    """Answer of POST /v1/rerank."""

    id: str
    model: str
    results: list[RerankResult] = Field(description="best first")
    usage: Usage
    truncated: list[int] = Field(description="positions of documents that did not fit the model's window")


class ApiVersion(Shape):
    """Cohere's version."""

    version: Literal["2"] = "2"


class RerankMeta(Shape):
    """What Cohere's answers say beside the results."""

    api_version: ApiVersion = ApiVersion()
    warnings: list[str] = Field(default_factory=list)


class CohereResponse(Shape):
    """Answer of POST /v2/rerank."""

    id: str
    results: list[RerankResult]
    meta: RerankMeta


class TeiResult(Shape):
    """One text's score."""

    index: int
    score: float
    text: str | None = None


class TeiError(Shape):
    """What went wrong, as text-embeddings-inference says it."""

    error: str
    error_type: Literal["validation", "overloaded", "backend", "unhealthy"]


class EmbeddingRequest(_Given):
    """Body of POST /v1/embeddings, as OpenAI has it."""

    model: str = Field(description="an encoder of /v1/models")
    input: str | list[str]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = Field(None, description="the model's own, or nothing")
    input_type: Literal["query", "passage"] = Field("passage", description="which prefix the model gets to see")
    user: str | None = Field(None, description="ignored")


class Embedding(Shape):
    """One vector."""

    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str = Field(description="numbers, or float32 in base64")


class EmbeddingResponse(Shape):
    """Answer of POST /v1/embeddings."""

    object: Literal["list"] = "list"
    data: list[Embedding]
    model: str
    usage: Usage
