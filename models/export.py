"""Exports encoders to model bundles; with `torch_encoder`, the only part here that needs `tamis[train]`."""

from __future__ import annotations

import importlib.util
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tamis.errors import MissingPrerequisite, NotFound

from .bundle import MODEL, TOKENIZER, ModelBundle
from .encoder import Encoder
from .graph import clean_graph, quantise_graph
from .parity import check_parity, measure_parity
from .publish import locked, publish_bundle, refuse_existing
from .settings import BundleSettings

if TYPE_CHECKING:
    from .torch_encoder import TorchEncoder

ExportPrecision = Literal["fp32", "int8"]

LIBRARIES = ("torch", "transformers", "sentence-transformers", "onnx", "onnxscript", "onnxruntime", "safetensors")


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the caller knows better than the model's own files; None leaves it to them."""

    name: str
    source: str
    revision: str | None = None
    licence: str | None = None
    query_prefix: str | None = None
    passage_prefix: str | None = None


def export_encoder(
    source: str | Path,
    out: Path,
    precision: ExportPrecision = "fp32",
    revision: str | None = None,
    name: str | None = None,
    *,
    query_prefix: str | None = None,
    passage_prefix: str | None = None,
    download: bool = False,
    replace: bool = False,
) -> ModelBundle:
    """Turn a sentence-transformers model into a bundle, and prove that it gives the same vectors.

    Args:
        source: folder of the model, or its name on the Hugging Face hub.
        out: folder to make.
        precision: `int8` is faster on a CPU and not exact; the bundle records how far it is off.
        revision: commit or tag on the hub.
        name: what people will call it; by default the last part of the source.
        query_prefix: put before queries; by default the model's own prompt, if it has one.
        passage_prefix: put before passages; likewise.
        download: ask the hub for what is not in its local cache; without it no network is used.
        replace: put the new bundle in the place of one that is there.

    Raises:
        MissingPrerequisite: torch or another library of `tamis[train]` is not installed.
        NotFound: there is no such folder, nor such a model in the hub's cache.
        InvalidInput: the model has parts that a bundle cannot hold, or `out` is there already.
        BuildError: the exported model does not give the source's vectors.
    """
    require_libraries()
    folder, origin, revision = local_folder(source, revision, download)
    overrides = Overrides(
        name=name or origin.rpartition("/")[2],
        source=origin,
        revision=revision,
        query_prefix=query_prefix,
        passage_prefix=passage_prefix,
    )
    with locked(out):
        return export_locked(folder, out, precision, overrides, replace)


def export_locked(
    folder: Path, out: Path, precision: ExportPrecision, overrides: Overrides, replace: bool = False
) -> ModelBundle:
    """Export a local folder to `out`, whose lock the caller holds; see `export_encoder`."""
    require_libraries()
    refuse_existing(out, replace)  # before a minute of work
    from .torch_encoder import TorchEncoder

    encoder = TorchEncoder.load(folder)
    settings = _describe(encoder, precision, overrides)

    def fill(hidden: Path) -> BundleSettings:
        encoder.save_tokenizer(hidden / TOKENIZER)
        encoder.save_graph(hidden / MODEL)
        clean_graph(hidden / MODEL)
        if precision == "int8":
            exact = (hidden / MODEL).rename(hidden / "exact.onnx")
            quantise_graph(exact, hidden / MODEL)
            exact.unlink()
        return settings.model_copy(update={"parity": _parity(hidden, settings, encoder)})

    return publish_bundle(out, fill, replace)


def require_libraries() -> None:
    """Raise MissingPrerequisite where a library of `tamis[train]` is not installed; none is imported."""
    missing = [name for name in LIBRARIES if importlib.util.find_spec(name.replace("-", "_")) is None]
    if missing:
        raise MissingPrerequisite(
            f"exporting a model needs {', '.join(missing)}: pip install 'tamis[train]', "
            "or export it on another machine and copy the bundle's folder"
        )


def local_folder(source: str | Path, revision: str | None, download: bool) -> tuple[Path, str, str | None]:
    """Find a model's folder.

    Args:
        source: folder of the model, or its name on the Hugging Face hub.
        revision: commit or tag on the hub.
        download: ask the hub for what is not in its local cache; without it no network is used.

    Returns:
        the folder, what to call the source, and the commit that it is of on the hub.

    Raises:
        NotFound: there is no such folder, nor such a model in the hub's cache.
    """
    folder = Path(source).expanduser()
    if folder.is_dir():
        return folder, folder.resolve().name, revision  # a path would say more about this machine than the model
    origin = str(source).rstrip("/")
    folder = _from_hub(origin, revision, download)
    return folder, origin, folder.name


def _describe(encoder: TorchEncoder, precision: ExportPrecision, overrides: Overrides) -> BundleSettings:
    return BundleSettings(
        name=overrides.name,
        precision=precision,
        dimension=encoder.dimension,
        pooling=encoder.pooling,
        normalise=encoder.normalise,
        max_length=encoder.max_length,
        query_prefix=encoder.query_prefix if overrides.query_prefix is None else overrides.query_prefix,
        passage_prefix=encoder.passage_prefix if overrides.passage_prefix is None else overrides.passage_prefix,
        source=overrides.source,
        source_sha256=encoder.weights_sha256,
        revision=overrides.revision,
        licence=overrides.licence or encoder.licence,
        files={},
        created_with={"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}},
    )


def _parity(folder: Path, settings: BundleSettings, original: TorchEncoder) -> dict[str, float]:
    with Encoder.open(ModelBundle(folder, settings)) as exported:
        parity = measure_parity(
            lambda texts: exported.encode(texts, "passage"),
            lambda texts: original.encode([settings.passage_prefix + text for text in texts]),
        )
    check_parity(parity, settings.precision, settings.name)
    return parity


def _from_hub(source: str, revision: str | None, download: bool) -> Path:
    """Give the folder of a hub model in the local cache, filling the cache only if `download`."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(
            snapshot_download(
                source,
                revision=revision,
                local_files_only=not download,
                allow_patterns=["*.json", "*.txt", "*.model", "*.safetensors", "README.md"],
                ignore_patterns=["onnx/*", "openvino/*"],
            )
        )
    except (HFValidationError, LocalEntryNotFoundError, HfHubHTTPError) as error:
        hint = "check the name" if download else "--download fetches it from the Hugging Face hub"
        raise NotFound(f"{source} is neither a folder nor a model in the hub's cache: {hint} ({error})") from error
