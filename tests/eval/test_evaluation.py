from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest

from tamis.errors import InvalidInput
from tamis.eval.evaluation import evaluate, fingerprints_of
from tamis.eval.judged import Judged
from tamis.eval.measures import parse_measure
from tamis.eval.metrics import Effective, Metrics
from tamis.eval.runs import BATCH, run_queries
from tamis.eval.significance import bootstrap_interval
from tamis.eval.trec import read_run
from tamis.indexer.progress import Quiet
from tamis.rankers.engine import Engine
from tamis.rankers.pipeline import Answer, Pipeline
from tamis.rankers.ranking import Candidates, Query
from tamis.rankers.stages import Rescored
from tamis.rankers.variants import without

pytestmark = pytest.mark.usefixtures("few_timed")

MEASURES = [parse_measure("nDCG@10"), parse_measure("R@100")]


def run(engine: Engine, judged: Judged, out: Path) -> Metrics:
    """Evaluate with few measures."""
    return evaluate(engine, judged, out, MEASURES, Quiet(), name="system", pipeline="named", without=["blend"])


def test_the_folder_holds_what_the_pipeline_answered(tiny_engine: Engine, tiny_judged: Judged, tmp_path: Path) -> None:
    metrics = run(tiny_engine, tiny_judged, tmp_path)
    found = read_run(tmp_path / "run.trec")
    for query in tiny_judged.queries:
        ranking = tiny_engine.pipeline.run([query]).rankings[0]
        assert found.rankings[query.id][0] == tiny_engine.index.passages.ids_of(ranking.rows)
    content = orjson.loads((tmp_path / "metrics.json").read_bytes())
    stages = ["sparse", "dense", "fused"]
    assert content["pipeline"] == {"name": "named", "without": ["blend"], "stages": stages}
    assert set(content["fingerprints"]) == {"index", "pipeline", "collection", "dense_model"}
    assert content["fingerprints"]["dense_model"] == tiny_engine.index.encoder.bundle.fingerprint
    assert set(content["latency_ms"]) == {"sparse", "dense", "fusion", "total"}
    for name, values in metrics.values.items():
        assert metrics.intervals[name] == bootstrap_interval(values)
        interval = metrics.intervals[name]
        assert content["measures"][name]["interval_95"] == [interval.low, interval.high]
    again = Metrics.read(tmp_path)
    assert again.values["nDCG@10"].tolist() == metrics.values["nDCG@10"].tolist()


def test_relevant_json_says_where_each_relevant_passage_stands(
    tiny_engine: Engine, tiny_judged: Judged, tmp_path: Path
) -> None:
    run(tiny_engine, tiny_judged, tmp_path)
    content = orjson.loads((tmp_path / "relevant.json").read_bytes())
    assert content["stages"] == ["sparse", "dense", "fused"]
    ids = tiny_engine.index.passages.ids_of
    for query in tiny_judged.queries:
        stages = tiny_engine.pipeline.run([query]).stages
        expected = {}
        for id_, grade in tiny_judged.qrels[query.id].items():
            if grade >= 1:
                lists = {stage: ids(rankings[0].rows) for stage, rankings in stages.items()}
                ranks = {stage: rows.index(id_) + 1 if id_ in rows else None for stage, rows in lists.items()}
                expected[id_] = {"relevance": grade, "ranks": ranks}
        assert content["queries"][query.id] == expected


def test_a_passage_that_a_rescorer_did_not_hand_on_has_null_there(
    whole_engine: Engine, tiny_judged: Judged, tmp_path: Path
) -> None:
    run(whole_engine, tiny_judged, tmp_path)
    content = orjson.loads((tmp_path / "relevant.json").read_bytes())
    assert content["stages"] == ["sparse", "dense", "fused", "blend", "rerank"]
    every = [one["ranks"] for passages in content["queries"].values() for one in passages.values()]
    assert all(ranks["rerank"] is None for ranks in every if ranks["blend"] is None or ranks["blend"] > 5)
    assert all(1 <= ranks["rerank"] <= 5 for ranks in every if ranks["blend"] is not None and ranks["blend"] <= 5)
    assert any(ranks["blend"] is not None and ranks["rerank"] is None for ranks in every)


def test_cost_counts_passages_tokens_and_cpu(whole_engine: Engine, tiny_judged: Judged, tmp_path: Path) -> None:
    """Tokens: each query once by the dense arm, and what the reranker's model says it read."""
    encoder = whole_engine.index.encoder
    before = whole_engine.pipeline.rerank.tokens_read  # type: ignore[union-attr]
    outcome = run_queries(whole_engine, tiny_judged.queries, tmp_path / "file", "key", lambda done: None)
    read = whole_engine.pipeline.rerank.tokens_read - before  # type: ignore[union-attr]
    queries = len(tiny_judged.queries)
    asked = int(encoder.token_count([query.text for query in tiny_judged.queries]).sum())
    assert outcome.cost["tokens"] == pytest.approx((asked + read) / queries)
    assert outcome.cost["passages_scored"] == 40 + 5
    assert outcome.cost["cpu_seconds"] > 0


def test_tokens_are_left_out_where_the_reranker_does_not_count(
    tiny_index: Path, tiny_judged: Judged, tmp_path: Path
) -> None:
    class Silent:
        """A reranker that keeps the order and counts nothing."""

        def rescore(self, queries: Sequence[Query], candidates: Sequence[Candidates], /) -> Rescored:
            return Rescored([found.with_stage("rerank") for found in candidates])

    with Engine.open(tiny_index) as engine:
        engine.pipeline = replace(engine.pipeline, rerank=Silent(), depths={**engine.pipeline.depths, "rerank": 7})
        outcome = run_queries(engine, tiny_judged.queries[:3], tmp_path / "file", "key", lambda done: None)
    assert set(outcome.cost) == {"passages_scored", "cpu_seconds"}
    assert outcome.cost["passages_scored"] == 7


def test_what_was_finished_is_not_asked_again_and_keeps_its_cost(
    tiny_engine: Engine, tiny_judged: Judged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(tiny_judged.queries) > BATCH
    whole = run_queries(tiny_engine, tiny_judged.queries, tmp_path / "a", "key", lambda done: None, tiny_judged.qrels)
    real = Pipeline.run
    asked: list[int] = []

    def stopping(self: Pipeline, queries: Sequence[Query]) -> Answer:
        if asked:
            raise KeyboardInterrupt
        asked.append(len(queries))
        return real(self, queries)

    monkeypatch.setattr(Pipeline, "run", stopping)
    with pytest.raises(KeyboardInterrupt):
        run_queries(tiny_engine, tiny_judged.queries, tmp_path / "b", "key", lambda done: None, tiny_judged.qrels)
    monkeypatch.setattr(Pipeline, "run", real)
    seen: list[int] = []
    rest = run_queries(tiny_engine, tiny_judged.queries, tmp_path / "b", "key", seen.append, tiny_judged.qrels)
    assert seen[0] == BATCH == asked[0]
    assert rest.places == whole.places
    assert rest.cost["tokens"] == pytest.approx(whole.cost["tokens"], rel=0.3)
    for query in tiny_judged.queries:
        assert rest.run.rankings[query.id][0] == whole.run.rankings[query.id][0]
        assert rest.run.rankings[query.id][1].tobytes() == whole.run.rankings[query.id][1].tobytes()


def test_fingerprints_are_of_what_runs_not_of_names(tiny_engine: Engine, tiny_judged: Judged) -> None:
    def found(*names: str) -> dict[str, str]:
        config, pipeline = without(tiny_engine.config, names), without(tiny_engine.pipeline, names)
        return fingerprints_of(tiny_engine, tiny_judged, config, pipeline)

    assert found() == found("rerank") == found("blend", "rerank")
    assert found()["pipeline"] != found("dense")["pipeline"]
    assert "dense_model" not in found("dense")


def test_an_index_of_another_collection_is_refused_before_it_is_asked(
    tiny_engine: Engine, tiny_judged: Judged, tmp_path: Path
) -> None:
    foreign = replace(tiny_judged, qrels={query.id: {"elsewhere": 1} for query in tiny_judged.queries})
    with pytest.raises(InvalidInput, match="none of the 1 judged passages"):
        run(tiny_engine, foreign, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_excluded_passages_are_not_scored(tiny_engine: Engine, tiny_judged: Judged, tmp_path: Path) -> None:
    query = tiny_judged.queries[0]
    first = tiny_engine.index.passages.ids_of(tiny_engine.pipeline.run([query]).rankings[0].rows)[:2]
    run(tiny_engine, replace(tiny_judged, excluded={query.id: frozenset(first[:1])}), tmp_path)
    ids = read_run(tmp_path / "run.trec").rankings[query.id][0]
    assert first[0] not in ids
    assert ids[0] == first[1]


def test_metrics_without_a_pipeline_say_nothing_of_one(tmp_path: Path) -> None:
    Metrics("a", "c", "test", ["q1", "q2"], {"AP": np.array([0.5, 1.0])}).write(tmp_path)
    content = orjson.loads((tmp_path / "metrics.json").read_bytes())
    assert content["measures"]["AP"]["mean"] == 0.75
    assert not {"pipeline", "cost"} & set(content)
    assert Effective("a", (), ("run",)).stages == ("run",)
