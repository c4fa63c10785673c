"""Blend: the stage between fusion and reranker, a forest over features that orders all candidates anew."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tamis.errors import DamagedFile, InvalidInput
from tamis.indexer.forward.forward import ForwardIndex

from ..features.extract import FeatureExtractor, Features, Vectors
from ..hits import Degradation
from ..ranking import Candidates, Query, Scores, canonical
from ..stages import Rescored
from .bundle import BlendBundle
from .forest import Forest
from .mix import LinearMix

STAGE = "blend"
"""Name under which the blend's score and rank stand among the features."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Blend:
    """Scores candidates by a linear mix of first-stage scores plus a forest over features.

    One query at a time on the calling thread, without the GIL for most of it; a score depends on its query's
    candidates alone.
    """

    bundle: BlendBundle
    extractor: FeatureExtractor
    forest: Forest
    start: LinearMix
    id_rank: npt.NDArray[np.int32]

    @staticmethod
    def open(
        bundle: BlendBundle,
        forward: ForwardIndex,
        id_rank: npt.NDArray[np.int32],
        quality: npt.NDArray[np.float32] | None = None,
        vectors: Vectors | None = None,
    ) -> Blend:
        """Read the forest and compile what it needs.

        Args:
            bundle: verified.
            forward: of the index.
            id_rank: int32[passages], the place of each row's id among all ids.
            quality: score of each passage, float32[passages]; None: the index has none.
            vectors: gives those of passages; None: what is computed from them is NaN.

        Raises:
            DamagedFile: the forest cannot be read, or has other columns than the bundle says.
            InvalidInput: its translations are of another vocabulary.
        """
        forest = Forest.parse(bundle.model_text())
        names = bundle.settings.features
        if forest.trees and forest.features != len(names):
            raise DamagedFile(
                f"the forest in {bundle.folder} has {forest.features} columns, its settings name {len(names)}; "
                "train or copy the blend again"
            )
        extractor = FeatureExtractor(bundle.with_translations(forward), quality, names, vectors)
        extractor.warm_up()
        forest.score(np.zeros((1, len(names)), np.float32))
        return Blend(bundle, extractor, forest, LinearMix(bundle.settings.start), id_rank)

    def rescore(self, queries: Sequence[Query], candidates: Sequence[Candidates], /) -> Rescored:
        """Rank all candidates anew; those of a query that cannot be scored keep their order, and that is told."""
        rankings, reasons = [], []
        for query, found in zip(queries, candidates, strict=True):
            ranking, reason = self._ranked(query, found)
            rankings.append(ranking)
            if reason is not None:
                reasons.append(reason)
        if not reasons:
            return Rescored(rankings)
        action = f"{len(reasons)} of {len(queries)} queries keep the previous order"
        return Rescored(rankings, [Degradation(STAGE, reasons[0], action)])

    def score(self, features: Features, candidates: Candidates) -> Scores:
        """Score a query's candidates by features that were extracted before: float32[n]."""
        mixed = self.start.score(candidates, self.mixable(features))
        return (mixed + self.forest.score(features)).astype(np.float32)

    def mixable(self, features: Features) -> dict[str, Scores]:
        """Return the columns that the linear mix reads, by name."""
        return {
            each.name: features[:, column]
            for column, each in enumerate(self.extractor.schema)
            if each.name in self.start.weights
        }

    def _ranked(self, query: Query, candidates: Candidates) -> tuple[Candidates, str | None]:
        try:
            scores = self.score(self.extractor.extract(query.text, candidates), candidates)
        except Exception as error:  # whatever it is, the answer without the blend is better than none
            log.exception("the blend failed for a query")
            return unscored(candidates), f"scoring failed: {error}"
        if not np.isfinite(scores).all():
            return unscored(candidates), "the forest gave scores that are no numbers"
        order = canonical(candidates.rows, scores, self.id_rank)
        kept = candidates.take(order)
        return Candidates(kept.rows, scores[order], kept.features).with_stage(STAGE), None


def unscored(candidates: Candidates) -> Candidates:
    """Say that the stage found nothing to say."""
    nothing = np.full(len(candidates), np.nan, np.float32)
    features = {**candidates.features, STAGE: nothing, f"{STAGE}_rank": nothing}
    return Candidates(candidates.rows, candidates.scores, features)


def usable_forward(forward: ForwardIndex | None, corpus: str) -> ForwardIndex:
    """Return the forward index that a blend needs.

    Raises:
        InvalidInput: the index has none.
    """
    if forward is None:
        raise InvalidInput(
            f"the index of {corpus} was built without a forward index, which a blend needs; build it again with "
            "`forward.enabled = true`, or leave out `pipeline.blend`"
        )
    return forward
