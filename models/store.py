"""Where model bundles live, and how a model's name becomes a verified bundle."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import Literal, cast, get_args

from tamis.errors import InvalidInput, NotFound, TamisError

from .bundle import MANIFEST, ModelBundle
from .minilm import NAME as DEFAULT_ENCODER
from .minilm import export_minilm
from .publish import locked
from .settings import NAME_PATTERN, Kind, Precision
from .shipped import NAME as DEFAULT_RERANKER
from .shipped import export_shipped
from .shipped import version as shipped_version

StoredPrecision = Literal["fp32", "int8"]

RERANKERS: tuple[Kind, ...] = ("cross-encoder", "monot5")
"""Kinds that score a passage for a query."""


def store_folder() -> Path:
    """Give the folder of all bundles: `$TAMIS_HOME/models`, else `tamis/models` in the user's cache."""
    if home := os.environ.get("TAMIS_HOME"):
        return Path(home).expanduser() / "models"
    cache = os.environ.get("XDG_CACHE_HOME")
    base = Path(cache) if cache and Path(cache).is_absolute() else Path.home() / ".cache"
    return base / "tamis" / "models"


def stored_path(name: str, precision: str) -> Path:
    """Give the folder that a bundle has in the store, whether it is there or not.

    Raises:
        InvalidInput: this cannot be a model's name.
    """
    if not re.fullmatch(NAME_PATTERN, name):
        raise InvalidInput(
            f"model name {name!r} is not allowed: up to 64 letters, digits, '.', '_' and '-', starting with a letter "
            "or digit; the path of a bundle's folder contains a '/'"
        )
    return store_folder() / f"{name}.{precision}"


def resolve_encoder(model: str, precision: StoredPrecision) -> ModelBundle:
    """Find an encoder and verify it; the default one is exported when it is asked for first.

    Args:
        model: a name in the store, or the path of a bundle's folder (with a `/` in it). Where that bundle has the
            other precision, its sibling `NAME.PRECISION` is meant.
        precision: `fp32`, or `int8` which is faster and not exact.

    Raises:
        NotFound: there is no such bundle; the message says how to export it.
        DamagedFile: it is there, and is not as it was written.
        InvalidInput: the name is no name, or the bundle holds another kind of model.
        MissingPrerequisite: the default model has to be exported, and what that needs is not installed.
    """
    bundle = _resolve(model, precision, "encoder")
    if bundle.settings.kind != "encoder":
        raise InvalidInput(f"{bundle.folder} holds a {bundle.settings.kind}, expected an encoder")
    return bundle


def resolve_scorer(model: str, precision: Precision, kinds: Collection[Kind] = RERANKERS) -> ModelBundle:
    """Find a model that scores and verify it; the default reranker is exported when it is asked for first.

    Args:
        model: a name in the store, or the path of a bundle's folder; as for `resolve_encoder`.
        precision: `fp32`, `int8` which is faster on a CPU and not exact, or `fp16` for a GPU.
        kinds: what it may be.

    Raises:
        NotFound: there is no such bundle; the message says how to export it.
        DamagedFile: it is there, and is not as it was written.
        InvalidInput: the name is no name, or the bundle holds another kind of model.
    """
    bundle = _resolve(model, precision, next(iter(kinds)))
    if bundle.settings.kind not in kinds:
        raise InvalidInput(f"{bundle.folder} is of kind {bundle.settings.kind}, expected {' or '.join(kinds)}")
    return bundle


def resolve_stored(model: str) -> ModelBundle:
    """Find a model of any kind as people write it on a command line; those that Tamis comes with are exported.

    Args:
        model: the path of a bundle's folder (with a `/` in it), `NAME.PRECISION`, or `NAME` for its fp32.

    Raises:
        NotFound: there is no such bundle; the message says how to export it.
        DamagedFile: it is there, and is not as it was written.
        InvalidInput: the name is no name.
    """
    if os.sep in model:
        return ModelBundle.open(Path(model).expanduser())
    name, _, precision = model.rpartition(".")
    if name and precision in get_args(Precision):
        return _in_store(name, cast("Precision", precision), _kind_of(name))
    return _in_store(model, "fp32", _kind_of(model))


def _kind_of(name: str) -> Kind:
    """Guess what a name stands for: what `_in_store` exports, and advises to export, where it is not there."""
    return "encoder" if name == DEFAULT_ENCODER else "cross-encoder"


def _resolve(model: str, precision: Precision, kind: Kind) -> ModelBundle:
    if os.sep in model:
        return _at_path(Path(model).expanduser(), precision)
    return _in_store(model, precision, kind)


def _in_store(name: str, precision: Precision, kind: Kind) -> ModelBundle:
    folder = stored_path(name, precision)
    export = _default_model(name, precision, kind)
    if export is not None:
        if (bundle := _current(folder)) is None:
            with locked(folder):  # somebody else may have exported it while we waited
                bundle = _current(folder) or export(folder, replace=(folder / MANIFEST).is_file())
        return bundle
    if not (folder / MANIFEST).is_file():
        raise NotFound(
            f"no model {name!r} with precision {precision} in {store_folder()}: export it with "
            f"`tamis model export SOURCE --kind {kind} --name {name} --precision {precision}`"
            + (f"; for the folder, write ./{name}" if Path(name).is_dir() else "")
        )
    return ModelBundle.open(folder)


def _current(folder: Path) -> ModelBundle | None:
    """Open a bundle; None where there is none, or it was exported from the default reranker of another Tamis."""
    if not (folder / MANIFEST).is_file():
        return None
    bundle = ModelBundle.open(folder)
    settings = bundle.settings
    is_default = settings.name == settings.source == DEFAULT_RERANKER
    return None if is_default and settings.revision != shipped_version() else bundle


def _default_model(name: str, precision: Precision, kind: Kind) -> Callable[..., ModelBundle] | None:
    """Give what exports a model that Tamis comes with; None for any other."""
    if name == DEFAULT_ENCODER and kind == "encoder" and precision != "fp16":
        return partial(export_minilm, precision=precision)
    if name == DEFAULT_RERANKER and kind == "cross-encoder":
        return partial(export_shipped, precision=precision)
    return None


def _at_path(folder: Path, precision: Precision) -> ModelBundle:
    bundle = ModelBundle.open(folder)
    if bundle.settings.precision == precision:
        return bundle
    sibling = folder.parent / f"{bundle.settings.name}.{precision}"
    if not (sibling / MANIFEST).is_file():
        raise NotFound(
            f"{folder} has precision {bundle.settings.precision}, wanted {precision}, and there is no {sibling}: "
            f"export it with `tamis model export SOURCE --precision {precision} --out {sibling}`"
        )
    return ModelBundle.open(sibling)


def list_bundles() -> list[tuple[Path, ModelBundle | TamisError]]:
    """Open every bundle of the store, by name; one that cannot be opened comes with the reason instead."""
    store = store_folder()
    folders = sorted(path for path in store.iterdir() if path.is_dir()) if store.is_dir() else []
    return [(folder, _open_or_reason(folder)) for folder in folders if not folder.name.startswith(".")]


def _open_or_reason(folder: Path) -> ModelBundle | TamisError:
    try:
        return ModelBundle.open(folder)
    except TamisError as error:
        return error
