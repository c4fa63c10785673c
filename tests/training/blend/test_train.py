"""A blend from training to serving on a small index: one extractor, hard links, and what is refused."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest

from tamis.errors import DamagedFile, InvalidInput, NotFound
from tamis.eval.judged import Judged
from tamis.indexer.progress import Quiet
from tamis.indexer.published import PublishedIndex
from tamis.indexer.versions import IndexFolder
from tamis.models.digest import sha256_file
from tamis.rankers.blend.blend import Blend
from tamis.rankers.blend.bundle import MODEL, SETTINGS, BlendBundle
from tamis.rankers.compare import compare
from tamis.rankers.config import PipelineConfig
from tamis.rankers.engine import Engine
from tamis.rankers.features.extract import FeatureExtractor
from tamis.rankers.ranking import Query
from tamis.training.blend.logged import log_candidates, sampled
from tamis.training.blend.recipe import BlendRecipe
from tamis.training.blend.train import train_blend

RECIPE = BlendRecipe(
    rounds=12,
    patience=12,
    leaves=(4,),
    sizes=(8,),
    least_in_leaf=5,
    threads=1,
    folds=2,
    queries=60,
    shrinkage=1,
    smoothing=0,
    learning_rate=0.06,
    columns_per_tree=0.3,
)
WITH_BLEND = PipelineConfig(blend="index")


def judged(index: PublishedIndex) -> Judged:
    """Queries out of the middle of passages; what answers is long and of the same module, which no retriever sees."""
    passages = index.passages.take(np.arange(len(index.passages), dtype=np.int32))
    asked = passages[::4]
    queries = tuple(Query(f"q{n:02}", " ".join(one.text.split()[4:12]) or one.title) for n, one in enumerate(asked))
    long = [one for one in passages if len(one.text) > 400]
    answers = [
        {other.id: 1 for other in long if other.id.split(".")[0] == one.id.split(".")[0]} or {one.id: 1}
        for one in asked
    ]
    return Judged("planted", "train", "", queries, {query.id: own for query, own in zip(queries, answers, strict=True)})


@pytest.fixture(scope="module")
def blended(tmp_path_factory: pytest.TempPathFactory, tiny_index: Path) -> Path:
    """A copy of the small index, with a blend."""
    path = tmp_path_factory.mktemp("blended") / "index"
    shutil.copytree(tiny_index, path, symlinks=True)
    with Engine.open(path) as engine:
        trained = train_blend(engine, judged(engine.index), RECIPE, Quiet())
        trained.publish(path, engine.index.manifest.version)
    return path


@pytest.fixture(scope="module")
def engine(blended: Path) -> Iterator[Engine]:
    short = WITH_BLEND.model_copy(update={"blend_depth": 5})
    with Engine.open(blended, WITH_BLEND, pipelines={"short": short}) as opened:
        yield opened


def test_what_was_logged_is_what_is_served_bit_by_bit(engine: Engine) -> None:
    """Features by the trainer's log, scored as training would, give the scores of the pipeline."""
    blend = engine.pipeline.blend
    assert isinstance(blend, Blend)
    assert engine.index.forward is not None
    collection = judged(engine.index)
    forward = blend.bundle.with_translations(engine.index.forward)
    extractor = FeatureExtractor(forward, names=blend.bundle.settings.features, vectors=engine.index.dense.vectors)
    logged = log_candidates(engine, collection, extractor, lambda done: None)
    weights = np.array([blend.bundle.settings.start[arm] for arm in logged.arms])
    for number, query in enumerate(logged.queries):
        places = slice(logged.ends[number], logged.ends[number + 1])
        start = sum(logged.standard[places, arm] * weight for arm, weight in enumerate(weights))
        expected = (start + blend.forest.score(logged.features[places])).astype(np.float32)
        (found,) = engine.pipeline.run([query]).rankings
        by_row = dict(zip(logged.rows[places].tolist(), expected.tolist(), strict=True))
        assert [by_row[row] for row in found.rows.tolist()] == found.scores.tolist()


def test_it_orders_all_candidates_and_cuts_none_unless_told(engine: Engine) -> None:
    query = [Query("1", "copy a whole directory tree")]
    answer = engine.pipeline.run(query)
    assert sorted(answer.rankings[0].rows.tolist()) == sorted(answer.stages["fused"][0].rows.tolist())
    assert (np.diff(answer.rankings[0].scores) <= 0).all()
    assert not answer.degraded
    cut = replace(engine.pipeline, depths={**engine.pipeline.depths, "blend": 7})
    assert len(cut.run(query).rankings[0]) == 7
    hit = engine.search("copy a whole directory tree", k=1).hits[0]
    assert hit.stages["blend"] is not None
    assert hit.stages["blend"].score == hit.score
    assert engine.pipeline.models["blend"] == engine.pipeline.blend.bundle.fingerprint  # type: ignore[union-attr]


def test_batches_and_queries_without_candidates(engine: Engine) -> None:
    queries = [Query(str(n), text) for n, text in enumerate(["random numbers", "x " * 500, "zzz", "json"])]
    batch = engine.pipeline.run(queries).rankings
    for query, expected in zip(queries, batch, strict=True):
        assert engine.pipeline.run([query]).rankings[0].scores.tobytes() == expected.scores.tobytes()
    words = replace(engine.pipeline, retrievers={"sparse": engine.pipeline.retrievers["sparse"]})
    answer = words.run([Query("1", "xyzzyplugh")])
    assert len(answer.rankings[0]) == 0
    assert not answer.degraded


def test_the_new_version_shares_the_files_that_did_not_change(blended: Path) -> None:
    first, second = (IndexFolder(blended).version(name) for name in IndexFolder(blended).versions())
    assert (second / "blend" / SETTINGS).is_file()
    assert not (first / "blend").exists()
    for name in ("passages.arrow", "vectors.faiss", "forward/words/low.npy", "encoder/model.onnx"):
        assert (first / name).samefile(second / name)
    with PublishedIndex.open(blended) as index:
        assert index.folder == second


def test_scores_that_are_no_numbers_leave_the_previous_order(engine: Engine) -> None:
    """Also where something fails: the answer is that of the fusion, and says so."""
    blend = engine.pipeline.blend
    assert isinstance(blend, Blend)
    wild = replace(blend.forest, leaves=np.full_like(blend.forest.leaves, np.nan))
    broken = replace(blend.forest, column=blend.forest.column[:0].astype("U1"))
    for forest, reason in ((wild, "no numbers"), (broken, "scoring failed")):
        answer = replace(engine.pipeline, blend=replace(blend, forest=forest)).run([Query("1", "random numbers")])
        assert answer.rankings[0].rows.tolist() == answer.stages["fused"][0].rows.tolist()
        assert np.isnan(answer.rankings[0].features["blend"]).all()
        (told,) = answer.degraded
        assert told.stage == "blend"
        assert reason in told.reason
        assert "previous order" in told.action


def test_the_parts_of_a_score_sum_up_to_it(engine: Engine) -> None:
    """By group of features, for every hit, and not unless asked for."""
    plain = engine.search("copy a whole directory tree", k=5)
    assert all(hit.explain is None for hit in plain.hits)
    for hit in engine.search("copy a whole directory tree", k=5, explain=True).hits:
        assert hit.explain is not None
        assert {"base", "sparse", "dense"} <= set(hit.explain)
        assert sum(hit.explain.values()) == pytest.approx(hit.score, abs=1e-5)


def test_why_one_passage_stands_above_another(engine: Engine) -> None:
    hits = engine.search("copy a whole directory tree", k=8).hits
    found = compare(engine, "copy a whole directory tree", (hits[6].id, hits[1].id))
    assert (found.above.id, found.above.rank) == (hits[1].id, 2)
    assert (found.below.id, found.below.rank) == (hits[6].id, 7)
    assert sum(found.differences.values()) == pytest.approx(hits[1].score - hits[6].score, abs=1e-5)
    lines = list(found.words())
    assert lines[0] == f"{hits[1].id} is at rank 2, {hits[6].id} at rank 7."
    assert f"for {hits[1].id}" in next(line for line in lines if line.startswith("blend:"))
    group, difference = next(iter(found.differences.items()))
    assert any(line.startswith(f"  {difference:+.3f} {group}") for line in lines)


def test_what_cannot_be_compared(engine: Engine) -> None:
    hits = engine.search("json", k=2).hits
    with pytest.raises(InvalidInput, match="name two of them"):
        compare(engine, "json", (hits[0].id, hits[0].id))
    with pytest.raises(NotFound, match="no passage with id 'nope'"):
        compare(engine, "json", (hits[0].id, "nope"))
    with pytest.raises(InvalidInput, match="query must be a text"):
        compare(engine, " ", (hits[0].id, hits[1].id))
    last = engine.search("json", k=1000).hits[-1]
    with pytest.raises(NotFound, match="is not among the 5 candidates of this query"):
        compare(engine, "json", (hits[0].id, last.id), "short")


def test_an_index_without_forward_files_or_blend_is_told(tiny_index: Path, blended: Path) -> None:
    with pytest.raises(NotFound, match="has no blend; train one with"):
        Engine.open(tiny_index, WITH_BLEND)
    with PublishedIndex.open(blended) as index:
        bare = replace(index, forward=None)
        with pytest.raises(InvalidInput, match="built without a forward index"):
            Engine(bare, WITH_BLEND)


@pytest.mark.parametrize("kind", ["no forward index", "another encoder", "garbled", "no blend"])
def test_a_service_goes_on_without_a_blend_that_cannot_be_opened(blended: Path, tmp_path: Path, kind: str) -> None:
    """In the previous order, and every answer says so; whoever evaluates is refused instead."""
    folder = copied(blended, tmp_path)
    if kind == "another encoder":
        values = orjson.loads((folder / SETTINGS).read_bytes())
        (folder / SETTINGS).write_bytes(orjson.dumps({**values, "encoder": "f" * 64}))
    elif kind == "garbled":
        (folder / MODEL).write_text("tree\nversion=v4\n")
    elif kind == "no blend":
        shutil.rmtree(folder)
    config = PipelineConfig(blend=str(folder))
    with PublishedIndex.open(blended) as opened:
        index = replace(opened, forward=None) if kind == "no forward index" else opened
        with pytest.raises((DamagedFile, InvalidInput, NotFound)) as refused:
            Engine(index, config)
        with contextlib.closing(Engine(index, config, lenient=True)) as serving:
            plain = Engine(index, PipelineConfig()).search("copy a whole directory tree", k=20)
            found = serving.search("copy a whole directory tree", k=20, explain=True)
            assert [hit.id for hit in found.hits] == [hit.id for hit in plain.hits]
            (told,) = found.degraded
            assert (told.stage, told.reason) == ("blend", str(refused.value))
            assert "previous order" in told.action
            assert found.hits[0].explain is None
            assert "blend" not in serving.pipeline.models


def copied(blended: Path, tmp_path: Path) -> Path:
    """A blend of one's own to spoil."""
    folder = tmp_path / "blend"
    shutil.copytree(IndexFolder(blended).current() / "blend", folder)
    return folder


def test_a_changed_missing_or_garbled_model_is_refused(blended: Path, tmp_path: Path) -> None:
    folder = copied(blended, tmp_path)
    config = PipelineConfig(blend=str(folder))
    with Engine.open(blended, config) as opened:
        assert opened.search("json", k=1).hits
    text = (folder / MODEL).read_text()
    (folder / MODEL).write_text(text.replace("leaf_value=", "leaf_value=1", 1))
    with pytest.raises(DamagedFile, match=r"model\.txt was changed"):
        Engine.open(blended, config)
    (folder / MODEL).write_text(text[: len(text) // 2])
    values = orjson.loads((folder / SETTINGS).read_bytes())
    values["files"][MODEL]["sha256"] = sha256_file(folder / MODEL)
    (folder / SETTINGS).write_bytes(orjson.dumps(values))
    with pytest.raises(DamagedFile, match="LightGBM model"):
        Engine.open(blended, config)
    (folder / MODEL).unlink()
    with pytest.raises(DamagedFile, match=r"model\.txt is missing"):
        Engine.open(blended, config)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"schema_sha256": "0" * 64}, InvalidInput, "was trained on feature schema 000000000000"),
        ({"encoder": "f" * 64}, InvalidInput, "learned from the scores of encoder ffffffffffff"),
        ({"features": ["analysed.tf.sum"]}, DamagedFile, "columns, its settings name 1"),
        ({"features": ["no.such"]}, DamagedFile, "names a feature 'no.such'"),
        ({"format": 9}, DamagedFile, "has format 9, this Tamis reads 1"),
        ({"surprise": 1}, DamagedFile, "garbled at surprise"),
    ],
)
def test_settings_that_do_not_fit_are_refused(
    blended: Path, tmp_path: Path, change: dict[str, object], error: type[Exception], message: str
) -> None:
    folder = copied(blended, tmp_path)
    path = folder / SETTINGS
    path.write_bytes(orjson.dumps({**orjson.loads(path.read_bytes()), **change}))
    with pytest.raises(error, match=message):
        Engine.open(blended, PipelineConfig(blend=str(folder)))


def test_no_blend_in_a_folder(blended: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no blend in"):
        BlendBundle.open(tmp_path)


def test_the_reranker_may_weigh_the_blends_score() -> None:
    assert PipelineConfig(blend="index", rerank_weights={"rerank": 0.7, "blend": 0.3}).rerank_weights["blend"] == 0.3
    with pytest.raises(ValueError, match="rerank_weights names 'blend'"):
        PipelineConfig(rerank_weights={"rerank": 0.7, "blend": 0.3})


def test_what_is_learned_from(engine: Engine) -> None:
    """All relevant candidates, the head of the list, and so many of the rest."""
    assert engine.index.forward is not None
    extractor = FeatureExtractor(engine.index.forward, names=["sparse.score"])
    logged = log_candidates(engine, judged(engine.index), extractor, lambda done: None)
    chosen = sampled(logged, hard=5, others=3, seed=0)
    assert set(np.flatnonzero(logged.relevance > 0)) <= set(chosen)
    for start, end in zip(logged.ends[:-1], logged.ends[1:], strict=True):
        own = chosen[(chosen >= start) & (chosen < end)]
        if len(own):
            negatives = start + np.flatnonzero(logged.relevance[start:end] <= 0)
            taken = own[logged.relevance[own] <= 0]
            assert len(taken) == min(8, len(negatives))
            assert set(negatives[:5]) <= set(taken)
