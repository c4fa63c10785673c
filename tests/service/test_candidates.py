"""Routes in Pyserini's shape: search and passages by id."""

from __future__ import annotations

import json
from urllib.parse import quote

import httpx
import pytest

from tamis.rankers.engine import Engine
from tamis.service.error_schemas import ErrorEnvelope
from tamis.service.schemas import CandidatesResponse, DocumentResponse


def test_candidates_are_the_hits_of_the_engine(client: httpx.Client, tiny_engine: Engine) -> None:
    body = client.get("/v1/tiny/search", params={"query": "sort a list", "hits": 7}).json()
    CandidatesResponse.model_validate(body)
    assert {name: body[name] for name in ("api", "index", "query")} == {
        "api": "v1", "index": "tiny", "query": {"text": "sort a list"}}  # fmt: skip
    seen = [(each["docid"], each["score"], each["rank"]) for each in body["candidates"]]
    assert seen == [(hit.id, hit.score, hit.rank) for hit in tiny_engine.search("sort a list", 7).hits]


def test_ten_candidates_by_default(client: httpx.Client) -> None:
    assert len(client.get("/v1/tiny/search?query=random").json()["candidates"]) == 10


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({}, "missing_field", "query"),
        ({"query": " "}, "empty_query", "query"),
        ({"query": "a\x00"}, "control_character", "query"),
        ({"query": "x" * 2_001}, "query_too_long", "query"),
        ({"query": "x", "hits": "0"}, "out_of_range", "hits"),
        ({"query": "x", "hits": "51"}, "out_of_range", "hits"),
        ({"query": "x", "hits": "ten"}, "wrong_type", "hits"),
        ({"query": "x", "hits": "9" * 5_000}, "wrong_type", "hits"),
        ({"query": "x", "hit": "5"}, "unknown_field", "hit"),
        ({"query": "x", "k1": "0.9"}, "unknown_field", "k1"),
        ({"query": "x", "parse": "maybe"}, "wrong_type", "parse"),
    ],
)
def test_bad_parameters_are_400(client: httpx.Client, params: dict[str, str], code: str, param: str) -> None:
    response = client.get("/v1/tiny/search", params=params)
    assert response.status_code == 400, response.text
    error = ErrorEnvelope.model_validate(response.json()).error
    assert (error.code, error.param) == (code, param)


def test_passages_are_found_under_odd_ids(client: httpx.Client, odd_engine: Engine) -> None:
    """Slashes, blanks, dots, percent signs: all ids of the index are reachable."""
    ids = [str(id_) for id_ in odd_engine.index.passages.all_ids().to_pylist()]
    assert len(ids) == 9
    for id_ in ids:
        path = quote(id_, safe="").replace(".", "%2E")
        response = client.get(f"/v1/odd/doc/{path}")
        assert response.status_code == 200, response.text
        DocumentResponse.model_validate(response.json())
        assert response.json()["docid"] == id_


def test_slashes_in_ids_need_no_encoding(client: httpx.Client) -> None:
    assert client.get("/v1/odd/doc/10.1145/3397271.3401075").json()["docid"] == "10.1145/3397271.3401075"


def test_doc_is_text_alone_or_an_object_or_json(client: httpx.Client) -> None:
    assert client.get("/v1/odd/doc/doc%231").json()["doc"] == "passage number 4"
    titled = {"title": "A title", "text": "with text", "metadata": {"year": 1999}}
    assert client.get("/v1/odd/doc/titled").json()["doc"] == titled
    raw = client.get("/v1/odd/doc/titled?parse=false").json()["doc"]
    assert json.loads(raw) == {"id": "titled", **titled}


@pytest.mark.parametrize("id_", ["nope", "A/B C", "a/b c ", "a/b%20c/", "%00", "%FF", "..%2f..%2fetc%2fpasswd"])
def test_an_unknown_passage_is_404(client: httpx.Client, id_: str) -> None:
    response = client.get(f"/v1/odd/doc/{id_}")
    assert response.status_code == 404
    assert ErrorEnvelope.model_validate(response.json()).error.code == "unknown_docid"
