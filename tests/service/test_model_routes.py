"""Models over HTTP, asked by the clients that people have: openai, cohere, and bodies of Jina, vLLM and TEI."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest

from tamis.rankers.config import PipelineConfig
from tamis.rankers.engine import Engine
from tamis.service.app import create_app
from tamis.service.config import ServiceConfig
from tamis.service.error_schemas import ErrorEnvelope
from tamis.service.info_schemas import ModelList
from tamis.service.keys import Key, Keys, hash_key
from tamis.service.model_schemas import CohereResponse, EmbeddingResponse, RerankResponse, TeiError
from tamis.service.schemas import MultiSearchResponse

from .conftest import running

KEY = "sk-a-key-of-some-length"
QUERY = "how is a list sorted"
DOCUMENTS = ["a list is sorted", "random numbers", "", "copy a file " * 200, "Grüße 🎉"]


@pytest.fixture(scope="module")
def engine(tiny_engine: Engine, cross_encoder: str) -> Engine:
    """The small index, reranked by a tiny model."""
    return Engine(tiny_engine.index, PipelineConfig(rerank=cross_encoder))


@pytest.fixture(scope="module")
def base(engine: Engine) -> Iterator[str]:
    """URL of a service that asks for a key."""
    keys = Keys((Key("client", ("search",), hash_key(KEY)),))
    with running(create_app({"tiny": engine}, ServiceConfig(max_batch=200), keys=keys)) as url:
        yield url


@pytest.fixture(scope="module")
def asking(base: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=base, timeout=30, headers={"Authorization": f"Bearer {KEY}"}) as client:
        yield client


@pytest.fixture(scope="module")
def expected(engine: Engine) -> Any:
    """Scores as the model itself gives them: float32[documents]."""
    (reader,) = engine.readers.values()
    return reader.score(QUERY, DOCUMENTS)


def sigmoid(scores: Any) -> Any:
    return 1 / (1 + np.exp(-scores.astype(np.float64)))


def test_openai_embeds(base: str, engine: Engine) -> None:
    """As numbers and, by its own default, in base64; in the order of the texts, with the bits of the encoder."""
    openai = pytest.importorskip("openai")
    with openai.OpenAI(base_url=f"{base}/v1", api_key=KEY, max_retries=0) as client:
        check_openai(openai, client, engine)
    stranger = openai.OpenAI(base_url=f"{base}/v1", api_key="x", max_retries=0)
    with stranger, pytest.raises(openai.AuthenticationError):
        stranger.models.list()


def check_openai(openai: Any, client: Any, engine: Engine) -> None:
    """Vectors, usage, the list of models, and errors as the client's own classes."""
    texts = ["sort a list", "", "Grüße 🎉"]
    vectors = engine.index.encoder.encode(texts, "passage")
    for form in ("float", "base64", None):
        options = {} if form is None else {"encoding_format": form}
        answer = client.embeddings.create(model="all-MiniLM-L6-v2", input=texts, **options)
        assert [one.index for one in answer.data] == [0, 1, 2]
        for one, vector in zip(answer.data, vectors, strict=True):
            raw = one.embedding
            got = np.frombuffer(base64.b64decode(raw), "<f4") if isinstance(raw, str) else np.array(raw, np.float32)
            assert got.tobytes() == vector.tobytes()
        assert answer.usage.prompt_tokens == answer.usage.total_tokens > 6
    one = client.embeddings.create(model="all-MiniLM-L6-v2", input="sort a list", dimensions=384)
    assert len(one.data) == 1
    assert {model.id: model.kind for model in client.models.list()}["all-MiniLM-L6-v2"] == "encoder"
    with pytest.raises(openai.NotFoundError, match="all-MiniLM-L6-v2"):
        client.embeddings.create(model="text-embedding-3-small", input="x")
    with pytest.raises(openai.BadRequestError, match="384"):
        client.embeddings.create(model="all-MiniLM-L6-v2", input="x", dimensions=256)


def test_cohere_reranks(base: str, asking: httpx.Client, expected: Any) -> None:
    cohere = pytest.importorskip("cohere")
    (model,) = (one["id"] for one in asking.get("/v1/models").json()["data"] if one["kind"] == "reranker")
    with httpx.Client(timeout=30) as own:
        client = cohere.ClientV2(api_key=KEY, base_url=base, httpx_client=own)
        answer = client.rerank(model=model, query=QUERY, documents=DOCUMENTS, top_n=3)
        order = np.argsort(-expected, kind="stable")[:3]
        assert [one.index for one in answer.results] == order.tolist()
        assert [one.relevance_score for one in answer.results] == sigmoid(expected)[order].tolist()
        assert answer.meta.warnings == ["document 3 did not fit the model's window and was cut"]
        with pytest.raises(cohere.errors.NotFoundError):
            client.rerank(model="rerank-v3.5", query=QUERY, documents=DOCUMENTS)


def test_llama_index_reranks(base: str, expected: Any) -> None:
    """LlamaIndex' client of text-embeddings-inference, where it is installed."""
    tei = pytest.importorskip("llama_index.postprocessor.tei_rerank")
    from llama_index.core.schema import NodeWithScore, TextNode

    client = tei.TextEmbeddingInference(base_url=base, top_n=3, auth_token=f"Bearer {KEY}")
    nodes = [NodeWithScore(node=TextNode(text=text, id_=str(place))) for place, text in enumerate(DOCUMENTS)]
    found = client.postprocess_nodes(nodes, query_str=QUERY)
    order = np.argsort(-expected, kind="stable")[:3]
    assert [int(one.node.node_id) for one in found] == order.tolist()
    assert [one.score for one in found] == sigmoid(expected)[order].tolist()


def test_langchain_reranks(base: str, asking: httpx.Client, expected: Any) -> None:
    """LangChain's client of Cohere, where it is installed."""
    cohere = pytest.importorskip("cohere")
    langchain_cohere = pytest.importorskip("langchain_cohere", exc_type=ImportError)
    from langchain_core.documents import Document

    (model,) = (one["id"] for one in asking.get("/v1/models").json()["data"] if one["kind"] == "reranker")
    with httpx.Client(timeout=30) as own:
        client = cohere.ClientV2(api_key=KEY, base_url=base, httpx_client=own)
        rerank = langchain_cohere.CohereRerank(client=client, model=model, top_n=3)
        documents = [Document(text, metadata={"place": place}) for place, text in enumerate(DOCUMENTS)]
        found = rerank.compress_documents(documents, QUERY)
    order = np.argsort(-expected, kind="stable")[:3]
    assert [one.metadata["place"] for one in found] == order.tolist()
    assert [one.metadata["relevance_score"] for one in found] == sigmoid(expected)[order].tolist()


def test_jina_and_vllm(asking: httpx.Client, expected: Any) -> None:
    """Best first, positions of the request, objects or strings, texts only when asked for."""
    documents = [{"text": DOCUMENTS[0]}, *DOCUMENTS[1:]]
    body = asking.post("/v1/rerank", json={"query": QUERY, "documents": documents, "return_documents": True}).json()
    RerankResponse.model_validate(body)
    assert [one["index"] for one in body["results"]] == np.argsort(-expected, kind="stable").tolist()
    assert all(one["document"]["text"] == DOCUMENTS[one["index"]] for one in body["results"])
    assert body["truncated"] == [3] and body["usage"]["total_tokens"] > 50
    short = asking.post("/v1/rerank", json={"query": QUERY, "documents": DOCUMENTS, "top_n": 2, "user": "x"}).json()
    assert len(short["results"]) == 2 and "document" not in short["results"][0]
    CohereResponse.model_validate(asking.post("/v2/rerank", json={"query": QUERY, "documents": DOCUMENTS}).json())


def test_tei(asking: httpx.Client, expected: Any) -> None:
    for raw in (True, False):
        sent = {"query": QUERY, "texts": DOCUMENTS, "raw_scores": raw, "return_text": raw}
        found = asking.post("/rerank", json=sent).json()
        scores = expected.astype(np.float64) if raw else sigmoid(expected)
        assert [one["index"] for one in found] == np.argsort(-expected, kind="stable").tolist()
        assert all(one["score"] == scores[one["index"]] for one in found)
        assert [one.get("text") for one in found] == [DOCUMENTS[one["index"]] if raw else None for one in found]
    assert "results" in asking.post("/rerank", json={"query": QUERY, "documents": DOCUMENTS}).json()


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/v1/rerank", {"query": QUERY, "documents": []}, 400, "out_of_range"),
        ("/v1/rerank", {"query": "", "documents": ["x"]}, 400, "empty_query"),
        ("/v1/rerank", {"query": QUERY, "documents": ["x"] * 201}, 400, "out_of_range"),
        ("/v1/rerank", {"query": QUERY, "documents": ["x"], "top_n": 0}, 400, "wrong_type"),
        ("/v1/rerank", {"query": QUERY, "documents": [7]}, 400, "wrong_type"),
        ("/v1/rerank", {"query": QUERY, "documents": ["x"], "model": "other"}, 404, "unknown_model"),
        ("/v2/rerank", {"query": QUERY}, 400, "missing_field"),
        ("/rerank", {"query": QUERY}, 400, "missing_field"),
        ("/rerank", {"query": QUERY, "texts": []}, 400, "out_of_range"),
        ("/v1/embeddings", {"model": "all-MiniLM-L6-v2", "input": []}, 400, "out_of_range"),
        ("/v1/embeddings", {"model": "all-MiniLM-L6-v2", "input": [1, 2]}, 400, "wrong_type"),
        ("/v1/embeddings", {"model": "all-MiniLM-L6-v2", "input": "x", "encoding_format": "hex"}, 400, "wrong_type"),
        ("/v1/msearch", {"queries": []}, 400, "wrong_type"),
        ("/v1/msearch", {"queries": ["x", ""]}, 400, "empty_query"),
        ("/v1/msearch", {"queries": ["x"] * 201}, 400, "out_of_range"),
    ],
)
def test_bad_bodies(asking: httpx.Client, path: str, body: dict[str, object], status: int, code: str) -> None:
    response = asking.post(path, json=body)
    if path == "/rerank":
        assert (response.status_code, TeiError.model_validate(response.json()).error_type) == (status, "validation")
        return
    error = ErrorEnvelope.model_validate(response.json()).error
    assert (response.status_code, error.code) == (status, code)


def test_without_a_reranker_it_says_what_to_do(client: httpx.Client) -> None:
    response = client.post("/v1/rerank", json={"query": QUERY, "documents": ["x"]})
    assert response.status_code == 404 and "name one as `rerank`" in response.json()["error"]["message"]


def test_models_are_listed(asking: httpx.Client, engine: Engine) -> None:
    found = ModelList.model_validate(asking.get("/v1/models").json())
    assert {model.kind for model in found.data} == {"encoder", "reranker"}
    (encoder,) = (model for model in found.data if model.kind == "encoder")
    assert encoder.fingerprint == engine.index.encoder.bundle.fingerprint
    texts = EmbeddingResponse.model_validate(
        asking.post("/v1/embeddings", json={"model": encoder.id, "input": ["a", "b"]}).json()
    )
    assert len(texts.data) == 2


def test_many_queries_are_answered_as_each_alone(asking: httpx.Client) -> None:
    queries = ["sort a list", "random", "xyzzy plugh", "copy a directory tree"]
    body = asking.post("/v1/msearch", json={"queries": queries, "k": 7}).json()
    MultiSearchResponse.model_validate(body)
    assert [one["query"]["text"] for one in body["responses"]] == queries
    for query, one in zip(queries, body["responses"], strict=True):
        assert one["hits"] == asking.post("/v1/search", json={"query": query, "k": 7}).json()["hits"]
