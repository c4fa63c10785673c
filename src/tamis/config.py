"""The whole configuration: one TOML file, environment and flags, for builds, pipelines and the service.

Precedence: flags, then environment `TAMIS__SECTION__KEY`, then the file, then defaults.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
from pydantic import Field, ValidationError, ValidationInfo, field_validator

from tamis.errors import InvalidInput, NotFound
from tamis.indexer.config import IndexConfig
from tamis.rankers.config import DEFAULT_PIPELINE as DEFAULT_PIPELINE
from tamis.rankers.config import PipelineConfig
from tamis.service.config import ServiceConfig

PREFIX = "TAMIS__"


class Config(IndexConfig):
    """All sections; each is read by the half of the system that it names."""

    pipeline: PipelineConfig = PipelineConfig()
    pipelines: dict[str, PipelineConfig] = Field(
        default_factory=dict, description="other pipelines by name; each has from `[pipeline]` what it does not say"
    )
    service: ServiceConfig = ServiceConfig()

    @field_validator("pipelines", mode="before")
    @classmethod
    def _inherit(cls, value: object, info: ValidationInfo) -> object:
        base = info.data.get("pipeline")
        if base is None:  # [pipeline] is wrong itself, which is said already
            return {}
        if not isinstance(value, dict):
            return value
        if DEFAULT_PIPELINE in value:
            raise ValueError(f"{DEFAULT_PIPELINE!r} is the name of [pipeline] itself; call this one otherwise")
        return {
            name: {**base.model_dump(), **table} if isinstance(table, dict) else table for name, table in value.items()
        }

    def named(self, name: str | None = None) -> PipelineConfig:
        """Return a pipeline by its name; None and `default`: that of `[pipeline]`.

        Raises:
            NotFound: there is none of this name.
        """
        if name in (None, DEFAULT_PIPELINE):
            return self.pipeline
        if name in self.pipelines:
            return self.pipelines[name]
        known = [DEFAULT_PIPELINE, *self.pipelines]
        near = difflib.get_close_matches(str(name), known, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
        raise NotFound(f"no pipeline {name!r} in the configuration; {hint}")

    def index(self) -> IndexConfig:
        """Return the sections that shape an index, without the others."""
        return IndexConfig(**{name: getattr(self, name) for name in IndexConfig.model_fields})


def load_config(
    file: Path | None = None,
    flags: Mapping[str, object] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Config:
    """Read the configuration.

    Args:
        file: TOML file; None: no file.
        flags: values by dotted name, such as `{"sparse.k1": 1.2}`; None values are left out.
        environment: defaults to the process' own.

    Raises:
        NotFound: there is no such file.
        InvalidInput: a key is unknown or a value does not fit; the message names the nearest key.
    """
    values = _read_toml(file) if file else {}
    for name, text in sorted((os.environ if environment is None else environment).items()):
        if name.startswith(PREFIX):
            path = name.removeprefix(PREFIX).lower().split("__")
            _set(values, path, _from_text(text), f"environment variable {name}")
    for dotted, value in (flags or {}).items():
        if value is not None:
            _set(values, dotted.split("."), value, f"flag for {dotted}")
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        raise InvalidInput(_explain(error, file)) from None


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFound(f"no configuration file {file}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{file} is not a TOML file: {error}") from None


def _from_text(text: str) -> object:
    """Read an environment value as JSON where it is JSON (numbers, true, lists), else as the text itself."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def _set(values: dict[str, Any], path: list[str], value: object, origin: str) -> None:
    for key in path[:-1]:
        inner = values.setdefault(key, {})
        if not isinstance(inner, dict):
            raise InvalidInput(f"{origin} needs {key!r} to be a table, but it is {inner!r}")
        values = inner
    values[path[-1]] = value


def _explain(error: ValidationError, file: Path | None) -> str:
    """Put pydantic's findings into sentences, with the nearest known key for an unknown one."""
    lines = []
    for finding in error.errors():
        where = ".".join(str(part) for part in finding["loc"])
        if finding["type"] == "extra_forbidden":
            known = _known_keys(finding["loc"]) if "." in where else list(Config.model_fields)
            near = difflib.get_close_matches(where, known, n=1, cutoff=0.4)
            hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(known)}"
            lines.append(f"unknown key {where!r}; {hint}")
        else:
            lines.append(f"{where}: {finding['msg']} (got {finding['input']!r})")
    origin = f"configuration ({file})" if file else "configuration"
    return f"{origin}: " + "; ".join(lines)


def _known_keys(place: tuple[int | str, ...]) -> list[str]:
    """List the keys that might have been meant at a place."""
    if place[0] == "pipelines":
        return [f"pipelines.{place[1]}.{key}" for key in PipelineConfig.model_fields]
    return [
        f"{section}.{key}"
        for section, info in Config.model_fields.items()
        if info.annotation is not None
        for key in getattr(info.annotation, "model_fields", {})
    ]
