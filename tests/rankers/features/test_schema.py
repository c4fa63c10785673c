from __future__ import annotations

from collections import Counter
from dataclasses import replace

import orjson
import typer
from typer.testing import CliRunner

from tamis.cli import features as command
from tamis.errors import InvalidInput
from tamis.rankers.features.schema import PLACES, SCHEMA, schema_hash


def test_the_classic_features_are_83_a_field_and_4_translations() -> None:
    classic = [feature for feature in SCHEMA if feature.classic]
    assert len(classic) == 253
    counts = Counter(feature.field for feature in classic if not feature.name.endswith("model1"))
    assert counts == {"analysed": 83, "unstemmed": 83, "wordpiece": 83}
    assert sum(feature.name.endswith("model1") for feature in classic) == 4


def test_every_feature_is_described() -> None:
    assert len(PLACES) == len(SCHEMA)
    for place, feature in enumerate(SCHEMA):
        assert PLACES[feature.name] == place
        assert feature.formula and feature.source and feature.unit and feature.group, feature.name


def test_the_hash_tells_schemas_apart() -> None:
    first, *others = SCHEMA
    known = schema_hash()
    assert len(known) == 64
    assert schema_hash([*others, first]) != known
    assert schema_hash([replace(first, formula="tf"), *others]) != known
    assert schema_hash(others) != known
    assert schema_hash(list(SCHEMA)) == known


def tamis() -> typer.Typer:
    app = typer.Typer()
    app.add_typer(command.app, name="features")
    app.command("other")(lambda: None)
    return app


def test_the_command_lists_them() -> None:
    done = CliRunner().invoke(tamis(), ["features", "list"])
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert [line for line in lines[:-1] if not line.startswith(" ")] == [feature.name for feature in SCHEMA]
    assert lines[-1] == f"{len(SCHEMA)} features, 253 of them classic; schema {schema_hash()[:12]}"


def test_the_command_chooses_and_speaks_json() -> None:
    done = CliRunner().invoke(tamis(), ["features", "list", "--group", "proximity", "--field", "analysed", "--json"])
    found = orjson.loads(done.stdout)
    assert [feature["name"] for feature in found["features"]] == [
        "analysed.proximity", "analysed.tp_score", "analysed.tp_dist",
    ]  # fmt: skip
    assert found["schema"] == schema_hash()


def test_the_command_knows_its_groups() -> None:
    done = CliRunner().invoke(tamis(), ["features", "list", "--group", "nearness"])
    assert isinstance(done.exception, InvalidInput)
    assert "no group is called 'nearness'; there are dense, feedback, lengths, pairs" in str(done.exception)
