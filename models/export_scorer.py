"""Exports cross-encoders, monoT5 and QualT5 to model bundles; needs `tamis[train]`."""

from __future__ import annotations

import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from tamis.errors import BuildError, InvalidInput

from .bundle import MODEL, TOKENIZER, ModelBundle
from .export import LIBRARIES, local_folder, require_libraries
from .graph import clean_graph, quantise_graph
from .publish import locked, publish_bundle, refuse_existing
from .score_parity import check_scores, compare_scores, real_pairs
from .scorer import Scorer
from .settings import BundleSettings, ScorerSettings

if TYPE_CHECKING:
    from .torch_scorer import TorchScorer

ScorerKind = Literal["cross-encoder", "monot5", "quality-t5"]
ScorerPrecision = Literal["fp32", "fp16", "int8"]

PROMPTS = {"monot5": "Query: {query} Document: {passage} Relevant:", "quality-t5": "Document: {passage} Relevant:"}
"""What the models of Nogueira et al. 2020 (monoT5) and Chang et al. 2024 (QualT5) were trained to read."""

TARGETS = ("true", "false")


@dataclass(frozen=True, slots=True)
class ScorerOptions:
    """What the caller knows better than the model's own files; None leaves it to them or to the kind."""

    name: str | None = None
    revision: str | None = None
    prompt: str | None = None
    """T5 kinds: with `{passage}`, and for monoT5 `{query}` before it."""
    targets: tuple[str, str] | None = None
    """T5 kinds: words for relevant and not."""
    max_length: int | None = None
    """Tokens to read; fewer than the model can are faster."""
    keep_fp32: Sequence[str] = ()
    """int8: regular expressions for the names of layers that stay fp32."""
    download: bool = False
    """Ask the hub for what is not in its local cache; without it no network is used."""
    replace: bool = False
    """Put the new bundle in the place of one that is there."""


def export_scorer(
    source: str | Path,
    out: Path,
    kind: ScorerKind,
    precision: ScorerPrecision = "fp32",
    options: ScorerOptions | None = None,
) -> ModelBundle:
    """Turn a transformers model into a bundle, and prove that it gives the same scores.

    Args:
        source: folder of the model, or its name on the Hugging Face hub.
        out: folder to make.
        kind: what the model does.
        precision: `int8` is for CPUs and `fp16` for GPUs; the bundle records how far the scores are off.
        options: see `ScorerOptions`.

    Raises:
        MissingPrerequisite: torch or another library of `tamis[train]` is not installed.
        NotFound: there is no such folder, nor such a model in the hub's cache.
        InvalidInput: the model is of another kind, an option does not fit it, or `out` is there already.
        DamagedFile: the model's files cannot be loaded.
        BuildError: the exported model does not give the source's scores.
    """
    require_libraries()
    options = options or ScorerOptions()
    _check_options(kind, precision, options)
    folder, origin, revision = local_folder(source, options.revision, options.download)
    with locked(out):
        return export_scorer_locked(folder, out, kind, precision, options, origin, revision)


def export_scorer_locked(
    folder: Path,
    out: Path,
    kind: ScorerKind,
    precision: ScorerPrecision,
    options: ScorerOptions,
    origin: str,
    revision: str | None,
) -> ModelBundle:
    """Do what `export_scorer` does, with the model's folder found and the bundle's lock held by the caller."""
    refuse_existing(out, options.replace)  # before a minute of work
    model = _load(folder, kind, options)
    settings = _describe(model, kind, precision, options, origin, revision)

    def fill(hidden: Path) -> BundleSettings:
        _write(model, hidden, precision, options.keep_fp32)
        return settings.model_copy(update={"parity": _parity(hidden, settings, model)})

    return publish_bundle(out, fill, options.replace)


def _check_options(kind: ScorerKind, precision: ScorerPrecision, options: ScorerOptions) -> None:
    if kind == "cross-encoder" and (options.prompt is not None or options.targets is not None):
        raise InvalidInput(
            "a cross-encoder reads its tokenizer's pair: prompt and targets are for monot5 and quality-t5"
        )
    if options.keep_fp32 and precision != "int8":
        raise InvalidInput(f"layers are kept fp32 where the others become int8; precision is {precision}")
    for expression in options.keep_fp32:
        try:
            re.compile(expression)
        except re.error as error:
            raise InvalidInput(f"{expression!r} is no regular expression: {error}") from None
    if kind == "quality-t5" and "{query}" in (options.prompt or ""):
        raise InvalidInput("quality-t5 judges a passage alone: its prompt has no {query}")
    if kind == "monot5" and "{query}" not in (options.prompt or PROMPTS["monot5"]):
        raise InvalidInput("monot5 judges a passage for a query: its prompt needs {query} before {passage}")


def _load(folder: Path, kind: ScorerKind, options: ScorerOptions) -> TorchScorer:
    if kind == "cross-encoder":
        from .torch_cross_encoder import TorchCrossEncoder

        return TorchCrossEncoder.load(folder)
    from .torch_text_ranker import TorchTextRanker

    return TorchTextRanker.load(folder, options.prompt or PROMPTS[kind], options.targets or TARGETS)


def _describe(
    model: TorchScorer,
    kind: ScorerKind,
    precision: ScorerPrecision,
    options: ScorerOptions,
    origin: str,
    revision: str | None,
) -> BundleSettings:
    wanted = options.max_length
    if wanted is not None and not 8 <= wanted <= model.window:
        raise InvalidInput(f"max_length is {wanted}, expected 8 to {model.window}, which is what the model reads")
    text = kind != "cross-encoder"
    scorer = ScorerSettings(
        vocabulary=model.vocabulary,
        logits=model.logits,
        prompt=(options.prompt or PROMPTS[kind]) if text else None,
        targets=(options.targets or TARGETS) if text else None,
    )
    return BundleSettings(
        kind=kind,
        name=options.name or origin.rpartition("/")[2],
        precision=precision,
        dimension=1,
        max_length=wanted or model.window,
        scorer=scorer,
        source=origin,
        source_sha256=model.weights_sha256,
        revision=revision,
        licence=model.licence,
        files={},
        created_with={"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}},
    )


def _write(model: TorchScorer, folder: Path, precision: ScorerPrecision, keep_fp32: Sequence[str]) -> None:
    """Write tokenizer and graph."""
    import onnx

    from .first_token import keep_first_token
    from .graph import name_by_module
    from .half import even_norms
    from .joined_heads import join_heads

    path = folder / MODEL
    model.save_tokenizer(folder / TOKENIZER)
    model.save_graph(path, half=precision == "fp16")
    graph = onnx.load(str(path))
    name_by_module(graph)
    join_heads(graph)
    keep_first_token(graph)
    even_norms(graph)
    onnx.save(graph, str(path))
    clean_graph(path)
    if precision == "int8":
        exact = path.rename(folder / "exact.onnx")
        quantise_graph(exact, path, keep_fp32)
        exact.unlink()


def _parity(folder: Path, settings: BundleSettings, original: TorchScorer) -> dict[str, float]:
    """Score real pairs with the bundle and with its source."""
    pairs = [pair for pair in real_pairs() if original.fits(pair, settings.max_length)]
    with Scorer.open(ModelBundle(folder, settings)) as exported:
        found = exported.score_pairs(pairs).scores.astype(np.float64)
    if not np.isfinite(found).all():
        raise BuildError(
            f"the {settings.precision} export of {settings.name} gives scores that are not finite; nothing was written"
        )
    parity = compare_scores(pairs, found, original.score(pairs, settings.max_length).astype(np.float64))
    check_scores(parity, settings.precision, settings.name)
    return parity
