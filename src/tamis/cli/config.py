"""`tamis config`: the configuration that holds here, and the reference of every key."""

from __future__ import annotations

import sys
from typing import Any

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from tamis.config import Config, load_config

from .options import ConfigFile
from .output import print_json

app = typer.Typer(help="Show the configuration that holds here, or the reference of every key.", no_args_is_help=True)

HEAD = """# Configuration

One TOML file for builds, pipelines and the service: `tamis index build CORPUS --out DIR --config tamis.toml`.
Precedence: command-line flags, then environment variables `TAMIS__SECTION__KEY`, then the file, then the
defaults below. A value in the environment is read as JSON where it is JSON (`0.9`, `true`, `["sparse"]`),
else as text. An unknown key is an error that names the nearest known one.

`tamis config show --config tamis.toml` prints what holds. This page is written by `tamis config reference`.

```toml
[sparse]
language = "de"

[corpus.metadata]      # becomes typed columns
year = "integer"

[pipeline]
fusion = "weighted"
weights = { sparse = 0.4, dense = 0.6 }

[pipelines.words]      # another one, chosen by --pipeline words; it has the rest from [pipeline]
retrievers = ["sparse"]
```
"""


@app.command()
def show(config: ConfigFile = None) -> None:
    """Print the configuration that results from file, environment and defaults."""
    print_json(load_config(config).model_dump(mode="json"))


@app.command()
def reference() -> None:
    """Print the reference of every key as Markdown."""
    sys.stdout.write(reference_page())


def reference_page() -> str:
    """Write docs/configuration.md from the typed configuration itself."""
    parts = [HEAD]
    for section, info in Config.model_fields.items():
        model = info.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            parts.append(_section(section, model))
    return "\n".join(parts)


def _section(name: str, model: type[BaseModel]) -> str:
    lines = [f"## `[{name}]`", "", (model.__doc__ or "").strip(), "", "| key | type | default | meaning |"]
    lines.append("|---|---|---|---|")
    types = model.model_json_schema()
    for key, info in model.model_fields.items():
        kind = _kind(types["properties"][key], types.get("$defs", {}))
        default = info.get_default(call_default_factory=True, validated_data={})
        lines.append(f"| `{key}` | {kind} | `{_plain(default)}` | {_meaning(info)} |")
    return "\n".join([*lines, ""])


def _meaning(info: FieldInfo) -> str:
    return (info.description or "").replace("|", "\\|")


def _plain(value: object) -> str:
    import orjson

    return "none" if value is None else orjson.dumps(value).decode()


def _kind(schema: dict[str, Any], definitions: dict[str, Any]) -> str:
    """Say the type and limits of a key in words."""
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:  # a value or none
        return " or ".join(_kind(choice, definitions) for choice in schema["anyOf"]).replace("null", "none")
    if "enum" in schema:
        return ", ".join(f"`{choice}`" for choice in schema["enum"])
    words = str(schema.get("type", "any"))
    if words == "array":
        return f"list of {_kind(schema['items'], definitions)}"
    if words == "object":
        return f"table of {_kind(schema['additionalProperties'], definitions)}"
    bounds = [
        f"{sign} {schema[key]:g}"
        for key, sign in (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<"))
        if key in schema
    ]
    return ", ".join([words, *bounds])
