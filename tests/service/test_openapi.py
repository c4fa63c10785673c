"""The OpenAPI document: valid, complete, and true."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest
from fastapi.openapi.models import OpenAPI

from tamis.service.error_schemas import ErrorCode

ROUTES = {
    "/v1/search", "/search", "/v1/{index}/search", "/v1/{index}/doc/{docid}", "/v1/info", "/v1/indexes", "/livez",
    "/v1/msearch", "/v1/fetch", "/v1/explain", "/v1/models",
    "/v1/admin/reload", "/v1/admin/rollback", "/v1/admin/status",
    "/v1/rerank", "/v2/rerank", "/rerank", "/v1/embeddings",
    "/readyz", "/healthz", "/health", "/v1/health/live", "/v1/health/ready",
}  # fmt: skip


@pytest.fixture(scope="module")
def document(client: httpx.Client) -> Any:
    """The document as served."""
    return client.get("/openapi.json").json()


def references(value: object) -> Iterator[str]:
    """Every $ref in a document."""
    if isinstance(value, dict):
        yield from (item for key, item in value.items() if key == "$ref")
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from references(item)


def test_it_is_valid(document: Any) -> None:
    OpenAPI.model_validate(document)
    found = set(references(document))
    assert found
    for reference in found:
        place = document
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]


def test_it_lists_every_route(document: Any) -> None:
    assert set(document["paths"]) == ROUTES


def test_operation_ids_are_unique(document: Any) -> None:
    ids = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len(set(ids)) == len(ids)


def test_every_route_declares_its_answer_and_the_envelope(document: Any) -> None:
    for path, operations in document["paths"].items():
        for operation in operations.values():
            responses = operation["responses"]
            shape = "#/components/schemas/" + ("TeiError" if path == "/rerank" else "ErrorEnvelope")
            own = responses.get("422", responses["default"])  # a trial that failed, never FastAPI's own shape
            assert own["content"]["application/json"]["schema"]["$ref"] == shape, path
            assert responses["200"]["content"]["application/json"]["schema"].keys() & {"$ref", "anyOf"}, path
            error = responses["default"]["content"]["application/json"]["schema"]["$ref"]
            assert error == shape, path


def test_search_declares_its_errors(document: Any) -> None:
    assert set(document["paths"]["/v1/search"]["post"]["responses"]) == {
        "200", "400", "401", "403", "404", "413", "415", "421", "429", "500", "503", "504", "default"}  # fmt: skip
    body = document["components"]["schemas"]["SearchRequest"]
    assert body["additionalProperties"] is False and body["required"] == ["query"]
    assert list(body["properties"]) == [
        "query", "k", "index", "pipeline", "filter", "weights", "budget_ms", "require", "explain", "return_text",
        "exclude_ids", "diversity", "documents",
    ]  # fmt: skip


def test_the_reference_explains_every_error_code_and_route() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "http.md").read_text()
    errors = text[text.index("## Errors") : text.index("## Logs")]
    assert [code for code in get_args(ErrorCode) if f"`{code}`" not in errors] == []
    assert [route for route in ROUTES if route not in text] == []
