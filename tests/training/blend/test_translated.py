"""Translations of a blend: a query's own features know nothing that was learned from it, and they travel with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tamis.errors import DamagedFile, InvalidInput
from tamis.eval.judged import Judged
from tamis.indexer.forward.forward import ForwardIndex
from tamis.indexer.published import PublishedIndex
from tamis.rankers.blend.bundle import BlendBundle
from tamis.rankers.ranking import Query
from tamis.training.blend.folds import Folds
from tamis.training.blend.translated import Translated, translated


@pytest.fixture(scope="module")
def forward(tiny_index: Path) -> ForwardIndex:
    with PublishedIndex.open(tiny_index) as index:
        assert index.forward is not None
        return index.forward


@pytest.fixture(scope="module")
def found(forward: ForwardIndex) -> Translated:
    queries = tuple(Query(str(number), text) for number, text in enumerate(["copy a tree", "random number", "json"]))
    judged = Judged("own", "train", "", queries, {query.id: {query.id: 1} for query in queries})
    parts = Folds(np.array([0, 1, 1]), True)
    learned = translated(forward, judged, queries, parts, int, 100, lambda done: None)
    assert learned is not None
    return learned


def targets(index: ForwardIndex) -> set[int]:
    return set(index.translations["unstemmed"].targets.tolist())


def test_a_folds_tables_never_saw_its_queries(forward: ForwardIndex, found: Translated) -> None:
    words = {text: set(forward.read_query(text)["unstemmed"].numbers.tolist()) for text in ("copy", "random", "json")}
    assert all(targets(found.everything) & numbers for numbers in words.values())
    assert not targets(found.apart[0]) & words["copy"]
    assert targets(found.apart[0]) & words["json"]
    assert not targets(found.apart[1]) & (words["random"] | words["json"])


def test_without_pairs_there_are_no_tables(forward: ForwardIndex) -> None:
    queries = (Query("0", "copy"), Query("1", "json"))
    judged = Judged("own", "train", "", queries, {"0": {"0": 1}, "1": {"1": 1}})
    parts = Folds(np.array([0, 1]), True)
    assert translated(forward, judged, queries, parts, lambda id_: None, 100, lambda done: None) is None
    only = {"0": 0}
    assert translated(forward, judged, queries, parts, only.get, 100, lambda done: None) is None


def written(forward: ForwardIndex, found: Translated, path: Path) -> BlendBundle:
    return BlendBundle.write(
        path, "tree\n", {}, features=["unstemmed.model1"], encoder="e", start={"dense": 1.0},
        translations=found.everything.translations, numbering=forward.numbering(),
    )  # fmt: skip


def test_they_are_part_of_the_blend(forward: ForwardIndex, found: Translated, tmp_path: Path) -> None:
    bundle = written(forward, found, tmp_path / "blend")
    opened = bundle.with_translations(forward).translations
    for field, table in found.everything.translations.items():
        for name in ("targets", "ends", "sources", "probabilities"):
            assert np.array_equal(getattr(opened[field], name), getattr(table, name))
    plain = BlendBundle.write(
        tmp_path / "plain", "tree\n", {}, features=["unstemmed.model1"], encoder="e", start={"dense": 1.0}
    )
    assert plain.with_translations(forward) is forward
    assert plain.fingerprint != bundle.fingerprint


def test_another_vocabulary_or_a_changed_table_is_refused(
    forward: ForwardIndex, found: Translated, tmp_path: Path
) -> None:
    bundle = written(forward, found, tmp_path / "blend")
    other = replace(bundle, settings=bundle.settings.model_copy(update={"numbering": "0" * 64}))
    with pytest.raises(InvalidInput, match="another vocabulary"):
        other.with_translations(forward)
    path = bundle.folder / "translations" / "unstemmed" / "sources.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"\x7f")
    with pytest.raises(DamagedFile, match=r"sources\.npy was changed"):
        BlendBundle.open(bundle.folder)
    path.write_bytes(b"")
    with pytest.raises(DamagedFile, match="cannot be read"):
        bundle.with_translations(forward)
