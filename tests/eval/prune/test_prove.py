"""Proofs on a real index: what a certificate says, what it binds, and where there is none."""

from __future__ import annotations

import shutil
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import orjson
import pytest

from tamis.errors import DamagedFile, InvalidInput, NotFound
from tamis.eval.judged import read_judged
from tamis.eval.prune.prove import Proof, prove
from tamis.indexer.build import build
from tamis.indexer.certificate import FILE, Certificate, Made
from tamis.indexer.config import IndexConfig
from tamis.indexer.corpus.open import open_corpus
from tamis.indexer.manifest import IndexManifest, searched_bytes
from tamis.indexer.progress import Quiet
from tamis.indexer.quality.light import SHIPPED, query_hashes
from tamis.indexer.versions import IndexFolder

from .conftest import MARGIN, question

Proved = tuple[Path, Proof]


def made(index: Path, **sections: dict[str, object]) -> Made:
    """Say what a build with some settings changed would make of the index' corpus."""
    manifest = IndexManifest.read(IndexFolder(index).current())
    changed = {
        name: values | sections.get(name, {}) for name, values in manifest.config.model_dump(mode="json").items()
    }
    encoder = manifest.encoder
    return Made(
        manifest.corpus.sha256, encoder.query_fingerprint, encoder.passage_fingerprint, manifest.sparse_engine,
        IndexConfig.model_validate(changed),
    )  # fmt: skip


def test_the_certificate_says_what_was_tested_and_on_what(proved: Proved, asked: Path) -> None:
    index, proof = proved
    found, judged = Certificate.read(index), read_judged(str(asked), "test")
    assert found == proof.certificate
    manifest = IndexManifest.read(IndexFolder(index).current())
    assert found.share == max(step.share for step in proof.steps if step.passed)
    assert (found.collection, found.split, found.queries) == (judged.name, "test", len(judged.queries))
    assert found.collection_fingerprint == judged.fingerprint
    assert found.pipelines == ("BM25", "dense", "fused")
    assert found.bytes == searched_bytes(manifest.files) < sum(one.bytes for one in manifest.files.values())
    assert found.build_seconds == manifest.seconds
    assert found.build_cpu_seconds == manifest.cpu_seconds and "encode" in found.build_cpu_seconds
    assert found.pipeline_config is not None and found.pipeline_config["dense_depth"] == 200
    for step in found.steps:
        assert step.passages == manifest.passages - int(step.share * manifest.passages + 1e-9)
        assert step.bytes < found.bytes
        assert [(test.pipeline, test.measure) for test in step.tests] == [
            (pipeline, "R@10") for pipeline in found.pipelines
        ]
        for test in step.tests:
            assert test.margin == pytest.approx(MARGIN * test.whole)
            assert test.interval[0] <= test.pruned - test.whole <= test.interval[1]
            assert 0 <= test.power <= 1


@pytest.mark.parametrize(
    ("sections", "named"),
    [
        ({"sparse": {"k1": 1.2}}, "sparse.k1 (0.9, this one is 1.2)"),
        ({"sparse": {"language": "de"}}, "sparse.language"),
        ({"dense": {"ef_search": 64}}, "dense.ef_search"),
        ({"dense": {"m": 16}}, "dense.m"),
        ({"split": {"enabled": True}}, "split.enabled"),
    ],
)
def test_other_settings_than_those_proved_are_refused_by_name(
    proved: Proved, sections: dict[str, dict[str, object]], named: str
) -> None:
    certificate = Certificate.read(proved[0])
    with pytest.raises(InvalidInput) as caught:
        certificate.check(made(proved[0], **sections))
    assert f"of another {named}" in str(caught.value)


@pytest.mark.parametrize("field", ["corpus_sha256", "encoder", "passage_encoder", "sparse_engine"])
def test_another_corpus_model_or_engine_is_refused(proved: Proved, field: str) -> None:
    with pytest.raises(InvalidInput, match="prove again"):
        Certificate.read(proved[0]).check(replace(made(proved[0]), **{field: "f" * 64}))  # type: ignore[arg-type]


def test_what_is_proved_may_be_built_with_other_quality_settings_and_threads(proved: Proved) -> None:
    certificate = Certificate.read(proved[0])
    certificate.check(made(proved[0]))
    certificate.check(made(proved[0], quality={"prune": 0.4}, dense={"threads": 2}))


def test_what_is_proved_may_become_a_cold_tier_unless_a_blend_was_proved(
    proved: Proved, tiny_corpus: Path, tmp_path: Path
) -> None:
    certificate = Certificate.read(proved[0])
    config = IndexConfig.model_validate({"quality": {"cold": True}})
    corpus = open_corpus(str(tiny_corpus), config.corpus)
    manifest = build(corpus, tmp_path / "index", config, certificate=certificate)
    assert manifest.pruning is not None and manifest.pruning.certificate == certificate
    assert manifest.cold == manifest.pruning.pruned > 0
    assert manifest.pruning.saved is not None
    blended = certificate.model_copy(update={"pipeline_config": {**(certificate.pipeline_config or {}), "blend": "b"}})
    with pytest.raises(InvalidInput, match="also of a blend"):
        build(corpus, tmp_path / "other", config, certificate=blended)


def test_a_certificate_that_does_not_say_how_the_index_was_built_is_refused(proved: Proved) -> None:
    with pytest.raises(InvalidInput, match="older Tamis"):
        Certificate.read(proved[0]).model_copy(update={"config": None}).check(made(proved[0]))


def test_a_build_with_other_settings_publishes_nothing(proved: Proved, tiny_corpus: Path, tmp_path: Path) -> None:
    config = IndexConfig.model_validate({"encoder": {"precision": "fast"}})
    with pytest.raises(InvalidInput, match="encoder of passages"):
        build(open_corpus(str(tiny_corpus), config.corpus), tmp_path / "index", config,
              certificate=Certificate.read(proved[0]))  # fmt: skip
    assert IndexFolder(tmp_path / "index").versions() == []


def test_a_proof_that_fails_takes_the_certificate_of_an_earlier_one_away(
    proved: Proved, asked: Path, tmp_path: Path
) -> None:
    shutil.copytree(proved[0], tmp_path / "index", symlinks=True)
    found = prove(tmp_path / "index", question(asked, 0.0001, shares=(0.6,)), Quiet())
    assert found.certificate is None
    assert "60% fails for" in found.reason
    assert found.reason.endswith("The certificate of an earlier proof was taken away")
    assert not (tmp_path / "index" / FILE).exists()
    with pytest.raises(NotFound, match="tamis prune prove"):
        Certificate.read(tmp_path / "index")


def test_too_few_queries_are_told_with_the_number_needed(tiny_index: Path, asked: Path, tmp_path: Path) -> None:
    few = tmp_path / "few"
    shutil.copytree(asked, few)
    judgments = (few / "qrels" / "test.tsv").read_text().splitlines()
    (few / "qrels" / "test.tsv").write_text("\n".join(judgments[:13]) + "\n")
    shutil.copytree(tiny_index, tmp_path / "index", symlinks=True)
    found = prove(tmp_path / "index", question(few, 0.05), Quiet())
    assert found.certificate is None
    assert "12 queries are too few to tell" in found.reason
    needed = max(test.topics_needed or 0 for test in found.steps[0].tests if test.power < 0.8)
    assert needed > 12
    assert f"{needed:,} are needed for 80 %" in found.reason


def test_an_estimator_proves_nothing_on_queries_that_it_learned_from(
    tiny_index: Path, asked: Path, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    shutil.copytree(SHIPPED, model)
    np.save(model / "queries.npy", query_hashes([read_judged(str(asked), "test").queries[3].text]))
    settings = orjson.loads((model / "quality.json").read_bytes())
    settings["files"]["queries.npy"] = sha256((model / "queries.npy").read_bytes()).hexdigest()
    (model / "quality.json").write_bytes(orjson.dumps(settings))
    shutil.copytree(tiny_index, tmp_path / "index", symlinks=True)
    with pytest.raises(InvalidInput, match="learned from 1 of the"):
        prove(tmp_path / "index", question(asked, estimator=str(model)), Quiet())


@pytest.mark.parametrize("margin", [0.0, 1.0, -0.1, float("nan")])
def test_a_margin_that_is_no_share_is_refused(tiny_index: Path, asked: Path, margin: float) -> None:
    with pytest.raises(InvalidInput, match="a margin is a share"):
        prove(tiny_index, question(asked, margin), Quiet())


@pytest.mark.parametrize("shares", [(), (0.1, 0.05), (0.1, 0.1)])
def test_shares_that_do_not_rise_are_refused(tiny_index: Path, asked: Path, shares: tuple[float, ...]) -> None:
    with pytest.raises(InvalidInput, match="rising order"):
        prove(tiny_index, question(asked, shares=shares), Quiet())


def test_a_share_outside_is_refused(proved: Proved, asked: Path) -> None:
    with pytest.raises(InvalidInput, match=r"0 or more and below 0\.95"):
        prove(proved[0], question(asked, shares=(0.96,)), Quiet())


def test_a_garbled_certificate_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b'{"share": "much"}')
    with pytest.raises(DamagedFile, match="prove again"):
        Certificate.read(tmp_path)
