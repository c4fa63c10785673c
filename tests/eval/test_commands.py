from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner, Result

from tamis.cli.evaluate import app
from tamis.errors import InvalidInput, NotFound
from tamis.eval.judged import Judged
from tamis.eval.trec import read_run, write_qrels

pytestmark = pytest.mark.usefixtures("few_timed")


def call(*words: object) -> Result:
    """Call `tamis eval`."""
    return CliRunner().invoke(app, [str(word) for word in words])


def test_what_ablate_writes_is_what_run_without_writes(tiny_index: Path, tiny_collection: Path, tmp_path: Path) -> None:
    done = call("ablate", tiny_index, tiny_collection, "--out", tmp_path / "ablation", "--json", "-m", "RR@10")
    assert done.exit_code == 0, done.output
    content = orjson.loads(done.stdout)
    assert content == orjson.loads((tmp_path / "ablation" / "ablation.json").read_bytes())
    assert content["measure"] == "RR@10"
    for name, without in (("full", ""), ("sparse-alone", "dense,rerank"), ("dense-alone", " sparse , blend")):
        done = call("run", tiny_index, tiny_collection, "--out", tmp_path / name, "--without", without)
        assert done.exit_code == 0, done.output
        one, other = tmp_path / name / "run.trec", tmp_path / "ablation" / name / "run.trec"
        assert one.read_bytes() == other.read_bytes()


def test_a_named_pipeline_has_the_fingerprint_of_its_values(
    tiny_index: Path, tiny_collection: Path, tmp_path: Path
) -> None:
    file = tmp_path / "tamis.toml"
    file.write_text("[pipelines.words]\nretrievers = ['sparse']\n")
    ways = {"named": ("--config", file, "--pipeline", "words"), "without": ("--without", "dense")}
    for name, options in ways.items():
        done = call("run", tiny_index, tiny_collection, "--out", tmp_path / name, *options)
        assert done.exit_code == 0, done.output
    found = [orjson.loads((tmp_path / name / "metrics.json").read_bytes()) for name in ways]
    assert found[0]["fingerprints"] == found[1]["fingerprints"]
    assert [one["pipeline"]["name"] for one in found] == ["words", "default"]
    assert [one["pipeline"]["without"] for one in found] == [[], ["dense"]]
    assert found[0]["cost"]["tokens"] == 0


def test_a_run_is_reranked_and_scored_by_the_judgments_of_a_file(
    tiny_index: Path, tiny_collection: Path, tiny_judged: Judged, tmp_path: Path
) -> None:
    call("run", tiny_index, tiny_collection, "--out", tmp_path / "words", "--without", "dense")
    given = tmp_path / "words" / "run.trec"
    queries = [query.id for query in tiny_judged.queries[:3]]
    write_qrels({query: tiny_judged.qrels[query] for query in queries}, tmp_path / "qrels")
    options = ("--depth", 4, "--qrels", tmp_path / "qrels", "-m", "RR@10")
    done = call("rerank", given, tiny_collection, "--out", tmp_path / "reranked", *options)
    assert done.exit_code == 0, done.output
    content = orjson.loads((tmp_path / "reranked" / "metrics.json").read_bytes())
    assert content["name"] == "run+all-MiniLM-L6-v2"
    assert list(content["measures"]["RR@10"]["per_query"]) == queries
    before, after = (read_run(path).rankings for path in (given, tmp_path / "reranked" / "run.trec"))
    assert list(after) == queries
    for query in queries:
        assert sorted(after[query][0][:4]) == sorted(before[query][0][:4])
        assert list(after[query][0][4:]) == list(before[query][0][4:])


def test_bad_names_are_told(tiny_index: Path, tiny_collection: Path, tmp_path: Path) -> None:
    out = ("--out", tmp_path / "out")
    for error, match, words in (
        (InvalidInput, "no stage 'rerenk'", ("run", tiny_index, tiny_collection, *out, "--without", "rerenk")),
        (InvalidInput, "no retriever left", ("run", tiny_index, tiny_collection, *out, "--without", "dense,sparse")),
        (NotFound, "no pipeline 'cheap'", ("ablate", tiny_index, tiny_collection, *out, "--pipeline", "cheap")),
        (InvalidInput, "unknown measure", ("ablate", tiny_index, tiny_collection, *out, "-m", "nDGC@10")),
        (NotFound, "no file", ("rerank", tmp_path / "none.trec", tiny_collection, *out)),
    ):
        done = call(*words)
        assert isinstance(done.exception, error), done.output
        assert match in str(done.exception)
    assert not (tmp_path / "out").exists()


def test_judgments_of_unknown_queries_are_refused(tiny_collection: Path, tmp_path: Path) -> None:
    write_qrels({"nobody": {"bisect": 1}}, tmp_path / "qrels")
    (tmp_path / "run.trec").write_text("nobody Q0 bisect 1 1.0 x\n")
    options = ("--out", tmp_path / "out", "--qrels", tmp_path / "qrels")
    done = call("rerank", tmp_path / "run.trec", tiny_collection, *options)
    assert isinstance(done.exception, InvalidInput)
    assert "1 judged queries have no text" in str(done.exception)
