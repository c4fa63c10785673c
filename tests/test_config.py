from __future__ import annotations

from pathlib import Path

import pytest

from tamis.config import Config, load_config
from tamis.errors import InvalidInput, NotFound


def test_flags_win_over_environment_over_file_over_defaults(tmp_path: Path) -> None:
    file = tmp_path / "tamis.toml"
    file.write_text("[sparse]\nk1 = 1.1\nb = 0.5\n[dense]\nm = 16\n")
    config = load_config(
        file, {"sparse.k1": 1.3, "sparse.engine": None}, {"TAMIS__SPARSE__K1": "1.2", "TAMIS__DENSE__M": "24"}
    )
    assert (config.sparse.k1, config.sparse.b, config.dense.m) == (1.3, 0.5, 24)
    assert config.sparse.engine == Config().sparse.engine


def test_values_from_the_environment_are_json_where_they_are_json() -> None:
    config = load_config(environment={"TAMIS__PIPELINE__RETRIEVERS": '["sparse"]', "TAMIS__SPARSE__LANGUAGE": "de"})
    assert config.pipeline.retrievers == ("sparse",)
    assert config.sparse.language == "de"


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"sparse.k2": 1}, ["unknown key 'sparse.k2'", "did you mean 'sparse.k1'"]),
        ({"spars.k1": 1}, ["unknown key 'spars'", "did you mean 'sparse'"]),
        ({"sparse.k1": "much"}, ["sparse.k1", "valid number", "'much'"]),
        ({"sparse.k1": -1}, ["sparse.k1", "greater than or equal to 0", "-1"]),
        ({"pipeline.weights": {"sparse": 1.0}}, ["weights must give 'dense'"]),
        ({"pipeline.retrievers": ["sparse", "sparse"]}, ["twice"]),
    ],
)
def test_what_does_not_fit_is_named(flags: dict[str, object], words: list[str]) -> None:
    with pytest.raises(InvalidInput) as caught:
        load_config(flags=flags, environment={})
    for word in words:
        assert word in str(caught.value)


def test_an_unknown_environment_variable_is_an_error() -> None:
    with pytest.raises(InvalidInput, match=r"did you mean 'sparse\.k1'"):
        load_config(environment={"TAMIS__SPARSE__K11": "1"})


def test_a_missing_or_broken_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"none\.toml"):
        load_config(tmp_path / "none.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("[sparse\n")
    with pytest.raises(InvalidInput, match=r"broken\.toml is not a TOML file"):
        load_config(broken)


def test_the_index_part_leaves_the_others_out() -> None:
    """What shapes a pipeline or the service must not change an index's identity."""
    assert set(load_config(environment={}).index().model_dump()) == {"corpus", "split", "sparse", "encoder", "dense"}


def test_the_reference_page_is_the_one_in_docs() -> None:
    from tamis.cli.config import reference_page

    page = Path(__file__).resolve().parent.parent / "docs" / "configuration.md"
    assert page.read_text() == reference_page(), "run: tamis config reference > docs/configuration.md"
