"""Trains a blend for indexes without judgments: from several collections, by features that say the same in each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tamis.errors import InvalidInput
from tamis.eval.judged import Judged
from tamis.indexer.progress import Progress
from tamis.rankers.blend.blend import usable_forward
from tamis.rankers.config import PipelineConfig
from tamis.rankers.engine import Engine
from tamis.rankers.features.extract import FeatureExtractor
from tamis.rankers.features.schema import SCHEMA

from ..mining import sampled as sampled_queries
from .folds import Folds
from .forest import learn
from .logged import Logged, joined, log_candidates
from .recipe import BlendRecipe
from .train import Trained, about

PORTABLE = tuple(feature.name for feature in SCHEMA if feature.portable)


@dataclass(frozen=True, slots=True)
class Source:
    """An index, and judgments of its collection."""

    index: Path
    judged: Judged


def train_portable(
    sources: Sequence[Source], pipeline: PipelineConfig, recipe: BlendRecipe, progress: Progress
) -> Trained:
    """Train a blend on several collections, each of which counts the same, for indexes of others.

    What is chosen is what serves a collection best that was not learned from: each is held out once, as a whole.
    Features that are not defined for a single candidate of one of them are left out.

    Args:
        sources: at least two.
        pipeline: the first stage whose candidates are to be ordered.
        recipe: how; `queries` is the most of each collection.
        progress: who is told how far it is.

    Raises:
        InvalidInput: fewer than two collections, one twice, or an index without a forward index.
    """
    if len(sources) < 2:
        raise InvalidInput(
            "a blend for other indexes must learn from two collections at least; add one with `--also INDEX=COLLECTION`"
        )
    if len({source.judged.fingerprint for source in sources}) < len(sources):
        raise InvalidInput("the same judgments were given twice: one of them would be held out by itself; leave it out")
    logs: list[Logged] = []
    told: list[dict[str, object]] = []
    for source in sources:
        with Engine.open(source.index, pipeline) as engine:
            forward = usable_forward(engine.index.forward, engine.index.manifest.corpus.name)
            extractor = FeatureExtractor(forward, engine.index.quality, PORTABLE, engine.index.dense.vectors)
            queries = sampled_queries(source.judged, recipe.queries, recipe.seed).queries
            with progress.phase(f"log {source.judged.name}", len(queries), "queries") as report:
                logs.append(log_candidates(engine, source.judged, extractor, report, queries))
            told.append(about(source.judged, engine, logs[-1]))
    logged, names = _defined(logs)
    numbers = np.repeat(np.arange(len(logs)), [len(log.queries) for log in logs])
    learned = learn(logged, Folds(numbers, are_apart=True), names, recipe, progress)
    card = {"trained_on": told, **learned.card, "pipeline": pipeline.model_dump(mode="json")}
    return Trained(learned.model, card, learned.features, None, learned.start, {}, None)


def _defined(logs: Sequence[Logged]) -> tuple[Logged, list[str]]:
    """Join what was logged, without the features that one of the collections has nowhere."""
    there = [~np.isnan(log.features).all(axis=0) for log in logs]
    kept = np.flatnonzero(np.logical_and.reduce(there))
    everything = joined(logs)
    return replace(everything, features=everything.features[:, kept]), [PORTABLE[column] for column in kept]
