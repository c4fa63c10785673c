"""Every example, run as its reader runs it, over a small index."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import orjson
import pytest
from openai.types.chat import ChatCompletion
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from pydantic import TypeAdapter

import tamis
from tamis.eval.judged import read_judged
from tamis.integrations.searcher import Searcher
from tamis.rankers.config import PipelineConfig

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
QUESTION = "copy a whole directory tree"
SECOND_STAGE = {"read": PipelineConfig(rerank="tamis-minilm-l6", rerank_depth=5)}


def load(name: str) -> ModuleType:
    """Import an example."""
    spec = spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def searcher(tiny_index: Path) -> Iterator[Searcher]:
    """The small index, with a second stage."""
    with tamis.open(tiny_index, pipelines=SECOND_STAGE) as found:
        yield found


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory, tiny_corpus: Path) -> Path:
    """Questions about Python whose answers the small corpus holds, in a BEIR folder: all are `test`, some `few`."""
    folder = tmp_path_factory.mktemp("judged")
    (folder / "qrels").mkdir()
    (folder / "corpus.jsonl").write_bytes(tiny_corpus.read_bytes())
    ids = {orjson.loads(line)["_id"] for line in tiny_corpus.read_bytes().splitlines()}
    queries, rows = [], ["query-id\tcorpus-id\tscore"]
    for split in ("train", "test"):
        judged = read_judged("pydocs", split)
        for query in judged.queries:
            if judged.qrels[query.id].keys() <= ids:
                queries.append(orjson.dumps({"_id": query.id, "text": query.text}))
                rows += [f"{query.id}\t{id_}\t{grade}" for id_, grade in judged.qrels[query.id].items()]
    assert len(queries) > 30
    (folder / "queries.jsonl").write_bytes(b"\n".join(queries))
    (folder / "qrels" / "test.tsv").write_text("\n".join(rows) + "\n")
    (folder / "qrels" / "few.tsv").write_text("\n".join(rows[:13]) + "\n")
    return folder


@contextmanager
def language_model(answer: str) -> Iterator[tuple[str, list[tuple[dict[str, Any], str | None]]]]:
    """Serve a completion over OpenAI's protocol; gives the base URL, and bodies and keys of what was asked."""
    asked: list[tuple[dict[str, Any], str | None]] = []
    message = {"role": "assistant", "content": answer}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    completion = ChatCompletion.model_validate(
        {"id": "1", "created": 0, "model": "m", "object": "chat.completion", "choices": [choice]}
    )

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            asked.append((body, self.headers["authorization"]))
            right = self.path == "/v1/chat/completions" and "model" in body
            content = completion.model_dump_json().encode() if right else b'{"error": {"message": "no such route"}}'
            self.send_response(200 if right else 404)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_rag_prints_its_prompt_without_a_language_model(
    tiny_index: Path, searcher: Searcher, capsys: pytest.CaptureFixture[str]
) -> None:
    assert load("rag").main([QUESTION, "--index", str(tiny_index)]) == 0
    printed = capsys.readouterr().out
    best = searcher.search(QUESTION, 20, diversity=0.3).hits[0]
    assert f"[1] {best.title}\n{best.text.strip()}" in printed
    assert printed.endswith(f"Question: {QUESTION}\n")


@pytest.mark.parametrize("tokens", [100, 300, 1000])
def test_rag_keeps_its_budget_and_takes_what_still_fits(searcher: Searcher, tokens: int) -> None:
    rag = load("rag")
    hits = searcher.search(QUESTION, 20).hits
    prompt = rag.pack(QUESTION, hits, tokens, len_of_words)

    def cost(sources: list[Any]) -> int:
        return sum(len_of_words(message["content"]) for message in rag.Prompt(QUESTION, sources).messages())

    assert cost(prompt.sources) <= tokens
    best_first = [hit.rank for hit in prompt.sources]
    assert best_first == sorted(best_first)
    for place, hit in enumerate(hits):
        if hit not in prompt.sources:
            before = [one for one in prompt.sources if one.rank <= place]
            assert cost([*before, hit]) > tokens


def len_of_words(text: str) -> int:
    """Count tokens where a token is a word."""
    return len(text.split())


def test_rag_counts_with_a_tokenizer_where_one_is_given(tokenizer_file: Path) -> None:
    rag = load("rag")
    assert rag.counter(str(tokenizer_file))("the cats") == 3  # the, cat, ##s
    assert rag.counter(None)("sieve") == 2
    assert rag.counter(None)("Süße") == 2


def test_rag_asks_a_language_model_and_names_its_sources(
    tiny_index: Path, searcher: Searcher, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "key-of-a-test")
    with language_model("Use shutil.copytree [1], or copy2 for files [2, 1]; never this [99].") as (url, asked):
        assert load("rag").main([QUESTION, "--index", str(tiny_index), "--llm", url, "--model", "m"]) == 0
    ((body, key),) = asked
    TypeAdapter(CompletionCreateParamsNonStreaming).validate_python(body)
    assert body["model"] == "m" and key == "Bearer key-of-a-test"
    assert body["messages"][1]["content"].endswith(QUESTION)
    found = capsys.readouterr()
    hits = searcher.search(QUESTION, 20, diversity=0.3).hits
    assert f"[1] {hits[0].id}: " in found.out and "[2] " in found.out and "[99] " not in found.out
    assert "cites [99], which it was not given" in found.err


def test_rag_says_what_is_wrong(tiny_index: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rag = load("rag")
    assert rag.main([QUESTION, "--index", str(tmp_path / "none")]) == 1
    assert "none" in capsys.readouterr().err
    assert rag.main([QUESTION, "--index", str(tiny_index), "--llm", "http://127.0.0.1:9/v1"]) == 1
    assert "does not answer" in capsys.readouterr().err
    with language_model("It depends.") as (url, _):
        assert rag.main([QUESTION, "--index", str(tiny_index), "--llm", url + "/wrong"]) == 1
        assert "404" in capsys.readouterr().err
        assert rag.main([QUESTION, "--index", str(tiny_index), "--llm", url]) == 0
        assert "cites nothing" in capsys.readouterr().err


def test_langchain(tiny_index: Path, searcher: Searcher, capsys: pytest.CaptureFixture[str]) -> None:
    load("langchain_chain").main(str(tiny_index), QUESTION)
    printed = capsys.readouterr().out
    assert f"human: {QUESTION}" in printed
    for hit in searcher.search(QUESTION, 5, diversity=0.3).hits:
        assert f"[{hit.id}]\n{hit.text}" in printed


def test_llamaindex(searcher: Searcher) -> None:
    hits = searcher.search(QUESTION, 10).hits
    scored = searcher.rerank(QUESTION, [hit.text for hit in hits])[:3]
    found = load("llamaindex_nodes").find(searcher, QUESTION)
    assert [node.node.node_id for node in found] == [hits[one.index].id for one in scored]


def test_haystack(tiny_index: Path, searcher: Searcher, capsys: pytest.CaptureFixture[str]) -> None:
    load("haystack_pipeline").main(str(tiny_index), QUESTION)
    printed = capsys.readouterr().out
    assert printed.rstrip().endswith(f"Question: {QUESTION}")
    for hit in searcher.search(QUESTION, 5).hits:
        assert f"[{hit.id}]\n{hit.text}" in printed


@pytest.mark.slow
def test_llamaindex_from_the_command_line(tiny_index: Path) -> None:
    command: list[str | Path] = [sys.executable, EXAMPLES / "llamaindex_nodes.py", tiny_index, QUESTION]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "shutil.copytree" in done.stdout


def test_pyterrier(tiny_index: Path, collection: Path, capsys: pytest.CaptureFixture[str]) -> None:
    load("pyterrier_experiment").main(str(tiny_index), str(collection), "few")
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["name", "R@100", "nDCG@10", "RR@10"]
    values = {name: [float(value) for value in row] for name, *row in map(str.split, rows)}
    assert values.keys() == {"words", "vectors", "both", "reranked"}
    assert all(words <= both for words, both in zip(values["words"], values["both"], strict=True))


@pytest.mark.slow
def test_the_walk_through_evaluation_and_pruning(tiny_index: Path, collection: Path, tmp_path: Path) -> None:
    """Each cell runs, and the certificate's passages are gone from the index that it leaves."""
    shutil.copytree(tiny_index, tmp_path / "index", symlinks=True)  # what it would build first
    environment = {
        **os.environ, "CORPUS": str(collection), "COLLECTION": str(collection), "FOLDER": str(tmp_path), "MARGIN": "0.1"
    }  # fmt: skip
    command: list[str | Path] = [sys.executable, "-W", "error", EXAMPLES / "evaluate_and_prune.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert "5%: " in done.stdout
    assert {path.name for path in (tmp_path / "results").iterdir()} == {"words", "vectors", "both", "pruned"}
    proved = "passages became" in done.stdout
    assert proved == (tmp_path / "index" / "certificate.json").is_file()
    with tamis.open(tmp_path / "index") as index:
        passages = index.describe()["passages"]
    total = len((collection / "corpus.jsonl").read_bytes().splitlines())
    assert isinstance(passages, int) and (passages < total) == proved
