"""Trains a blend: logs candidates through the real pipeline, chooses by cross-validation, fits on all train queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import lightgbm
import numpy as np

from tamis.errors import BuildError
from tamis.eval.judged import Judged
from tamis.indexer.derive import publish_with
from tamis.indexer.forward.forward import ForwardIndex
from tamis.indexer.manifest import IndexManifest
from tamis.indexer.progress import Progress
from tamis.indexer.published import BLEND
from tamis.indexer.versions import IndexFolder
from tamis.rankers.blend.blend import usable_forward
from tamis.rankers.blend.bundle import BlendBundle
from tamis.rankers.engine import Engine
from tamis.rankers.features.extract import FeatureExtractor
from tamis.rankers.features.schema import SCHEMA

from ..mining import sampled as sampled_queries
from .choose import Choice, choose, importance
from .folds import folds
from .learn import Part, fit, parameters
from .logged import MIXED, Logged, log_candidates, relevant_of, sampled
from .recipe import BlendRecipe
from .translated import Tables, Translated, translated

NO_TREES = "tree\nversion=v4\nmax_feature_idx=0\n\nend of trees\n"
"""A forest without trees, where none was better than the linear mix alone."""

TRANSLATED = frozenset(feature.name for feature in SCHEMA if feature.group == "translation")


@dataclass(frozen=True, slots=True)
class Trained:
    """A blend that is not written yet."""

    model: str
    card: Mapping[str, object]
    features: Sequence[str]
    encoder: str
    start: Mapping[str, float]
    translations: Tables
    """Empty where the forest asks for none."""
    numbering: str
    """Of the forward index that they are for."""

    def write(self, folder: Path) -> BlendBundle:
        """Write it to a folder that is not there yet."""
        return BlendBundle.write(
            folder, self.model, self.card, features=self.features, encoder=self.encoder, start=self.start,
            translations=self.translations, numbering=self.numbering,
        )  # fmt: skip

    def publish(self, path: Path, trained_on: str) -> IndexManifest:
        """Publish it in a new version of the index, which becomes the current one.

        Args:
            path: of the index.
            trained_on: the version whose candidates it learned from.

        Raises:
            BuildError: another version has become current meanwhile.
        """
        index = IndexFolder(path)
        if (now := index.current().name) != trained_on:
            raise BuildError(
                f"the blend was trained on version {trained_on} of {path}, but {now} is current now; train it again"
            )
        return publish_with(index, trained_on, BLEND, lambda folder: _write(self, folder))


def _write(trained: Trained, folder: Path) -> None:
    trained.write(folder)


def train_blend(engine: Engine, judged: Judged, recipe: BlendRecipe, progress: Progress) -> Trained:
    """Train a blend for an index on a train split.

    Args:
        engine: an open index with the pipeline whose candidates are to be ordered.
        judged: queries and judgments to learn from.
        recipe: how.
        progress: who is told how far it is.

    Raises:
        InvalidInput: the index has no forward index, or is not of this collection.
    """
    forward = usable_forward(engine.index.forward, engine.index.manifest.corpus.name)
    queries = sampled_queries(judged, recipe.queries, recipe.seed).queries
    parts = folds([relevant_of(judged, query) for query in queries], recipe.folds, recipe.seed)
    tables: Translated | None = None
    if recipe.pairs:
        with progress.phase("translations", recipe.folds + 1, "tables") as report:
            tables = translated(forward, judged, queries, parts, engine.index.ids.row_of, recipe.pairs, report)
    names = [feature.name for feature in SCHEMA if tables or feature.name not in TRANSLATED]

    def extractor_of(read: ForwardIndex) -> FeatureExtractor:
        return FeatureExtractor(read, engine.index.quality, names, engine.index.dense.vectors)

    apart = {} if tables is None else {fold: extractor_of(read) for fold, read in tables.apart.items()}
    own = {query.id: apart[fold] for query, fold in zip(queries, parts.of.tolist(), strict=True)} if apart else None
    with progress.phase("log", len(queries), "queries") as report:
        logged = log_candidates(engine, judged, extractor_of(forward), report, queries, own)
    chosen = sampled(logged, recipe.hard, recipe.random, recipe.seed)
    choice = choose(logged, parts, chosen, recipe, progress.note)
    everything = Part.of(logged, np.arange(len(queries)), chosen)
    start = everything.start()
    model, used, gains = _fitted(everything, start, names, choice, recipe)
    card: dict[str, object] = {
        "trained_on": {
            "collection": judged.name,
            "split": judged.split,
            "judgments_sha256": judged.fingerprint,
            "index": engine.index.manifest.fingerprint,
            "queries": len(queries),
            "candidates": len(logged.rows),
            "learned_from": len(chosen),
            "relevant_found": int((logged.relevance > 0).sum()),
            "relevant": sum(map(len, logged.relevant)),
        },
        "held_out_ndcg_10": {
            "folds": recipe.folds,
            "no_relevant_passage_in_two_folds": parts.are_apart,
            "fused": _fused(logged),
            **asdict(choice),
        },
        "importance_gain": gains,
        "recipe": recipe.model_dump(mode="json"),
        "pipeline": engine.config.model_dump(mode="json"),
        "made_with": {name: version(name) for name in ("tamis", "lightgbm", "numpy")},
    }
    weights = {arm: float(weight) for arm, weight in zip(logged.arms, start, strict=True)}
    needed = tables.everything.translations if tables is not None and not TRANSLATED.isdisjoint(used) else {}
    return Trained(model, card, used, engine.index.encoder.bundle.fingerprint, weights, needed, forward.numbering())


def _fitted(
    part: Part, start: np.ndarray, names: Sequence[str], choice: Choice, recipe: BlendRecipe
) -> tuple[str, list[str], dict[str, float]]:
    """Fit on all queries: the forest, its columns by name, and what each column's splits gained."""
    if not choice.trees:
        return NO_TREES, [MIXED if MIXED in names else names[0]], {}
    params = parameters(recipe, choice.leaves)
    columns = list(range(len(names)))
    if choice.size < len(names):
        kept = importance(fit(part, start, columns, names, params, choice.trees))[: choice.size]
        columns = sorted({*kept, *(place for place, name in enumerate(names) if name == MIXED)})  # the mix reads it
    used = [names[column] for column in columns]
    booster: lightgbm.Booster = fit(part, start, columns, used, params, choice.trees)
    gains = dict(zip(used, booster.feature_importance("gain").tolist(), strict=True))
    return booster.model_to_string(), used, dict(sorted(gains.items(), key=lambda item: -item[1]))


def _fused(logged: Logged) -> float:
    """Return the nDCG@10 of the order that the candidates came in."""
    part = Part.of(logged, np.arange(len(logged.queries)), np.empty(0, np.int64))
    return float(part.lists.ndcg(-np.arange(len(logged.rows), dtype=np.float64)).mean())
