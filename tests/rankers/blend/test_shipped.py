"""The blends that come with Tamis: whole, for any index and encoder, and worth their milliseconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tamis.eval.judged import read_judged
from tamis.indexer.build import build
from tamis.indexer.config import IndexConfig
from tamis.indexer.corpus.open import open_corpus
from tamis.indexer.progress import Quiet
from tamis.rankers.assemble import SHIPPED
from tamis.rankers.blend.blend import Blend
from tamis.rankers.blend.bundle import BlendBundle
from tamis.rankers.config import PipelineConfig
from tamis.rankers.engine import Engine
from tamis.rankers.features.schema import PLACES, SCHEMA
from tamis.training.blend.ndcg import DISCOUNTS, ideal_gain


@pytest.mark.parametrize("name", list(SHIPPED))
def test_it_reads_only_what_says_the_same_everywhere_and_says_what_it_learned_from(name: str) -> None:
    bundle = BlendBundle.open(SHIPPED[name])
    assert bundle.settings.encoder is None
    assert all(SCHEMA[PLACES[feature]].portable for feature in bundle.settings.features)
    told = bundle.card()["trained_on"]
    assert isinstance(told, list)
    readme = (SHIPPED[name] / "README.md").read_text(encoding="utf-8").lower().replace(" ", "")
    known = {"msmarco-mini": "msmarco"}
    for source in told:
        assert known.get(source["collection"], source["collection"].rstrip("1")) in readme, source["collection"]


@pytest.mark.parametrize("name", list(SHIPPED))
def test_it_serves_an_index_without_judgments_whose_encoder_it_never_saw(name: str, tiny_index: Path) -> None:
    with Engine.open(tiny_index, PipelineConfig(blend=name)) as engine:
        blend = engine.pipeline.blend
        assert isinstance(blend, Blend)
        assert blend.forest.trees > 50
        result = engine.search("copy a whole directory tree", k=5)
        assert not result.degraded
        scores = [hit.score for hit in result.hits]
        assert np.isfinite(scores).all() and scores == sorted(scores, reverse=True)
        assert len(set(scores)) > 1


@pytest.mark.data
@pytest.mark.parametrize("name", list(SHIPPED))
def test_it_finds_more_on_a_collection_that_it_did_not_learn_from(name: str, data_folder: Path, tmp_path: Path) -> None:
    """HotpotQA's questions; the order before is reciprocal ranks."""
    source = str(data_folder / "hotpotqa-100")
    config = IndexConfig()
    build(open_corpus(source, config.corpus), tmp_path / "index", config, Quiet())
    judged = read_judged(source, "dev")
    with Engine.open(tmp_path / "index", PipelineConfig(blend=name), pipelines={"fused": PipelineConfig()}) as engine:

        def ndcg(pipeline: str | None) -> float:
            values = []
            for query, found in zip(judged.queries, engine.named(pipeline).run(judged.queries).rankings, strict=True):
                grades = judged.qrels[query.id]
                gains = [grades.get(id_, 0) for id_ in engine.index.passages.ids_of(found.rows[: len(DISCOUNTS)])]
                values.append(float(np.array(gains) @ DISCOUNTS[: len(gains)]) / ideal_gain(grades.values()))
            return float(np.mean(values))

        assert ndcg(None) > ndcg("fused") + 0.01
