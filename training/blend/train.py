"""Trains a blend for an index: logs candidates through the real pipeline, and learns to order them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

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
from .folds import folds
from .forest import learn
from .logged import Logged, log_candidates, relevant_of
from .recipe import BlendRecipe
from .translated import Tables, Translated, translated

TRANSLATED = frozenset(feature.name for feature in SCHEMA if feature.group == "translation")


@dataclass(frozen=True, slots=True)
class Trained:
    """A blend that is not written yet."""

    model: str
    card: Mapping[str, object]
    features: Sequence[str]
    encoder: str | None
    start: Mapping[str, float]
    translations: Tables
    """Empty where the forest asks for none."""
    numbering: str | None
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
    learned = learn(logged, parts, names, recipe, progress)
    card: dict[str, object] = {
        "trained_on": {**about(judged, engine, logged), "learned_from": learned.candidates},
        **learned.card,
        "pipeline": engine.config.model_dump(mode="json"),
    }
    used, encoder = learned.features, engine.index.encoder.bundle.fingerprint
    needed = tables.everything.translations if tables is not None and not TRANSLATED.isdisjoint(used) else {}
    return Trained(learned.model, card, used, encoder, learned.start, needed, forward.numbering())


def about(judged: Judged, engine: Engine, logged: Logged) -> dict[str, object]:
    """Describe for the card what was learned from."""
    return {
        "collection": judged.name,
        "split": judged.split,
        "judgments_sha256": judged.fingerprint,
        "index": engine.index.manifest.fingerprint,
        "queries": len(logged.queries),
        "candidates": len(logged.rows),
        "relevant_found": int((logged.relevance > 0).sum()),
        "relevant": sum(map(len, logged.relevant)),
    }
