"""Training scorers of passage quality from the command line's functions, on a small judged collection."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from tamis.errors import DamagedFile, InvalidInput
from tamis.eval.judged import Judged, read_judged
from tamis.indexer.build import build
from tamis.indexer.config import IndexConfig
from tamis.indexer.corpus.open import open_corpus
from tamis.indexer.quality.embedding import EmbeddingScorer
from tamis.indexer.quality.light import LightScorer
from tamis.models.encoder import Encoder
from tamis.models.store import resolve_encoder
from tamis.training.quality.train import train_quality
from tamis.training.quality.train_embedding import train_embedding_quality

ENCODER = "all-MiniLM-L6-v2"


@pytest.fixture(scope="module")
def judged(asked: Path) -> Judged:
    """Half of the passages are asked for, the other half is the contrast."""
    return read_judged(str(asked), "test")


@pytest.fixture(scope="module")
def on_text(judged: Judged, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("models") / "text"
    assert train_quality([judged], out, "text", ENCODER).areas.keys() == {f"{judged.name}/test"}
    return out


@pytest.fixture(scope="module")
def on_embedding(judged: Judged, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("models") / "embedding"
    assert train_embedding_quality([judged], out, "vectors", ENCODER, most=60).keys() == {f"{judged.name}/test"}
    return out


def test_a_light_scorer_knows_what_it_learned_from(on_text: Path, judged: Judged) -> None:
    scorer = LightScorer.open(on_text)
    query = judged.queries[0].text
    assert scorer.knows([query.upper(), "another question"]) == [query.upper()]
    assert np.isfinite(scorer.score(["", "some text"])).all()
    assert "text" in (on_text / "README.md").read_text()


def test_a_scorer_of_embeddings_says_the_same_of_texts_and_of_their_vectors(on_embedding: Path, judged: Judged) -> None:
    texts = ["Sort a list in place.", "", "Copy a folder and all that is in it."]
    with Encoder.open(resolve_encoder(ENCODER, "fp32")) as encoder:
        scorer = EmbeddingScorer.open(on_embedding, encoder)
        found = scorer.score(texts)
        np.testing.assert_array_equal(found, scorer.score_vectors(encoder.encode(texts, "passage")))
        np.testing.assert_array_equal(found[1:2], scorer.score(texts[1:2]))
    assert scorer.knows([judged.queries[1].text]) == [judged.queries[1].text]


def test_it_prunes_a_build(on_embedding: Path, tiny_corpus: Path, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_bytes(b"".join(tiny_corpus.read_bytes().splitlines(keepends=True)[:20]))
    config = IndexConfig.model_validate(
        {"sparse": {"engine": "bm25s"}, "quality": {"estimator": str(on_embedding), "prune": 0.25}}
    )
    manifest = build(open_corpus(str(corpus), config.corpus), tmp_path / "index", config)
    assert manifest.pruning is not None
    assert (manifest.passages, manifest.pruning.pruned) == (15, 5)


def test_vectors_of_another_encoder_and_changed_files_are_refused(on_embedding: Path, tmp_path: Path) -> None:
    shutil.copytree(on_embedding, tmp_path / "changed")
    np.save(tmp_path / "changed" / "queries.npy", np.zeros(3, np.uint64))
    shutil.copytree(on_embedding, tmp_path / "other")
    settings = (on_embedding / "embedding.json").read_text()
    bundle = resolve_encoder(ENCODER, "fp32")
    (tmp_path / "other" / "embedding.json").write_text(settings.replace(bundle.fingerprint, "0" * 64))
    with Encoder.open(bundle) as encoder:
        with pytest.raises(DamagedFile, match="was changed"):
            EmbeddingScorer.open(tmp_path / "changed", encoder)
        with pytest.raises(InvalidInput, match="train one for it"):
            EmbeddingScorer.open(tmp_path / "other", encoder)


def test_a_collection_whose_every_passage_is_relevant_teaches_nothing(asked: Path, tmp_path: Path) -> None:
    few = tmp_path / "few"
    shutil.copytree(asked, few)
    kept = (few / "corpus.jsonl").read_bytes().splitlines(keepends=True)[::2]
    (few / "corpus.jsonl").write_bytes(b"".join(kept))
    with pytest.raises(InvalidInput, match="answer_windows"):
        train_quality([read_judged(str(few), "test")], tmp_path / "out", "none", ENCODER)
    assert not (tmp_path / "out").exists()
