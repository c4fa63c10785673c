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
    assert set(load_config(environment={}).index().model_dump()) == {
        "corpus", "split", "quality", "sparse", "encoder", "dense", "forward",
    }  # fmt: skip


def test_the_reference_page_is_the_one_in_docs() -> None:
    from tamis.cli.config import reference_page

    page = Path(__file__).resolve().parent.parent / "docs" / "configuration.md"
    assert page.read_text() == reference_page(), "run: tamis config reference > docs/configuration.md"


def named(tmp_path: Path, text: str) -> Config:
    """A configuration out of a file."""
    file = tmp_path / "tamis.toml"
    file.write_text(text)
    return load_config(file, environment={})


def test_a_named_pipeline_has_from_the_default_one_what_it_does_not_say(tmp_path: Path) -> None:
    text = "[pipeline]\nsparse_depth = 50\nretrievers = ['sparse']\nweights = { sparse = 2.0 }\n"
    config = named(tmp_path, text + "[pipelines.deep]\nsparse_depth = 500\n[pipelines.same]\n")
    assert config.named() == config.named("default") == config.pipeline
    assert config.named("deep") == config.pipeline.model_copy(update={"sparse_depth": 500})
    assert config.named("same") == config.pipeline
    assert load_config(environment={"TAMIS__PIPELINES__WORDS__RETRIEVERS": '["sparse"]'}).named("words").retrievers == (
        "sparse",
    )


def test_a_named_pipeline_may_do_without_what_the_default_one_has(tmp_path: Path) -> None:
    text = "[pipeline]\nblend = 'default'\nrerank = 'some'\n[pipelines.plain]\nblend = 'none'\nrerank = 'none'\n"
    config = named(tmp_path, text)
    plain = config.named("plain")
    assert (plain.blend, plain.rerank) == (None, None)
    assert (config.pipeline.blend, config.pipeline.rerank) == ("default", "some")


def test_a_named_pipeline_is_checked_as_a_whole(tmp_path: Path) -> None:
    """Also against what it has from the default one."""
    with pytest.raises(InvalidInput, match=r"pipelines\.both.*weights must give 'dense'"):
        named(
            tmp_path,
            "[pipeline]\nretrievers = ['sparse']\nweights = { sparse = 1.0 }\n"
            "[pipelines.both]\nretrievers = ['sparse', 'dense']\n",
        )


def test_an_unknown_pipeline_is_named_with_the_nearest(tmp_path: Path) -> None:
    config = named(tmp_path, "[pipelines.cheap]\nsparse_depth = 9\n")
    with pytest.raises(NotFound, match="no pipeline 'chaep' in the configuration; did you mean 'cheap'"):
        config.named("chaep")
    with pytest.raises(NotFound, match="known: default, cheap"):
        config.named("xyz")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[pipelines.a]\nsparse_dept = 3\n", r"unknown key 'pipelines\.a\.sparse_dept'; did you mean 'pipelines\.a\.s"),
        ("[pipelines.a]\nsparse_depth = 0\n", r"pipelines\.a\.sparse_depth: Input should be greater"),
        ("[pipelines.default]\nsparse_depth = 3\n", r"'default' is the name of \[pipeline\] itself"),
        ("[pipelines]\na = 3\n", r"pipelines\.a: Input should be a valid dictionary"),
        ("pipelines = 3\n", r"pipelines: Input should be a valid dictionary"),
    ],
)
def test_a_wrong_named_pipeline_is_an_error(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        named(tmp_path, text)


def test_a_wrong_default_pipeline_is_told_once(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        named(tmp_path, "[pipeline]\nsparse_depth = 0\n[pipelines.a]\nrrf_k = 1.0\n")
    assert str(caught.value).count("sparse_depth") == 1
