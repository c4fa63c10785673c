from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from tamis.errors import InvalidInput, NotFound
from tamis.eval.report.read import read_all

from .conftest import ABLATION, BASE, write_ablation, write_evaluation


def test_an_ablation_stands_for_its_variants_with_its_baseline_first(tmp_path: Path) -> None:
    found, ablations = read_all([write_ablation(tmp_path / "ablation")])
    assert [one.name for one in found] == ["full", "no-dense"]
    assert ablations[0].verdicts[0].sentence == "Keep dense."


def test_a_variant_that_names_another_folder_is_refused(tmp_path: Path) -> None:
    folder = write_ablation(tmp_path / "ablation")
    (folder / "ablation.json").write_bytes(orjson.dumps({**ABLATION, "variants": [{"name": "../full"}]}))
    with pytest.raises(InvalidInput, match=r"'\.\./full' is no name of a folder"):
        read_all([folder])


def test_optional_parts_are_read(three: list[Path]) -> None:
    base, _, other = read_all(three)[0]
    assert base.summary.pipeline is not None
    assert base.summary.pipeline.without == ["rerank"]
    assert base.summary.cost == {"passages_scored": 50.0, "tokens": 1234.5}
    assert base.relevant is not None
    assert base.relevant.queries["q1"]["p1"].ranks["dense"] is None
    assert other.relevant is None
    assert other.summary.latency_ms == {}


def test_systems_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    folders = [write_evaluation(tmp_path / name, "bm25", {"AP": BASE}) for name in ("one", "two")]
    assert [one.name for one in read_all(folders)[0]] == [f"bm25 ({folder})" for folder in folders]


def test_a_folder_given_twice_is_refused(three: list[Path]) -> None:
    with pytest.raises(InvalidInput, match="is given twice"):
        read_all([three[0], three[1], three[0] / ".." / three[0].name])


def test_a_folder_without_an_evaluation_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"holds no metrics\.json"):
        read_all([tmp_path])


@pytest.mark.parametrize(
    ("name", "content", "where"),
    [
        ("relevant.json", b'{"stages": [], "queries": {}}', "stages"),
        ("relevant.json", b'{"stages": ["a"], "queries": {"q": {"p": {"relevance": 1, "ranks": {"a": []}}}}}', "a"),
        ("relevant.json", b'{"stages": ["a"', "the file"),
        ("ablation.json", b'{"measure": "AP"}', "baseline"),
    ],
)  # fmt: skip
def test_garbled_files_are_named_with_the_place(three: list[Path], name: str, content: bytes, where: str) -> None:
    (three[0] / name).write_bytes(content)
    with pytest.raises(InvalidInput, match=rf"{name} is garbled \(.*{where}"):
        read_all(three)


def test_a_garbled_latency_is_named(three: list[Path]) -> None:
    path = three[1] / "metrics.json"
    path.write_bytes(orjson.dumps({**orjson.loads(path.read_bytes()), "latency_ms": {"total": {"p50": "fast"}}}))
    with pytest.raises(InvalidInput, match=r"latency_ms\.total\.p50"):
        read_all(three)
