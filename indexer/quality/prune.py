"""The pruning step of a build: score, decide, divide."""

from __future__ import annotations

from pathlib import Path

from tamis.models.bundle import ModelBundle
from tamis.models.session import Device

from ..certificate import Certificate
from ..config import IndexConfig
from ..manifest import PruningEntry
from ..passages import PassageStore
from ..progress import Report
from .cache import ScoreCache
from .choose import DEFAULT, open_estimator
from .decide import decide
from .duplicates import find_duplicates
from .store import divide, divided, read_pruned

CACHE = "quality"
"""Folder of scores by content, beside the versions of an index."""

PASSAGES = "passages.arrow"


def certified(config: IndexConfig, certificate: Certificate) -> IndexConfig:
    """Return a configuration that prunes what a certificate proved."""
    quality = config.quality.model_copy(
        update={
            "estimator": certificate.estimator,
            "prune": certificate.share,
            "duplicates": certificate.duplicates,
        }
    )
    return config.model_copy(update={"quality": quality})


def prune(
    folder: Path, config: IndexConfig, encoder: ModelBundle, index: Path, device: Device, report: Report
) -> PruningEntry:
    """Score the passages of a version that is being built, and move out those that are not worth indexing.

    Args:
        folder: of the version; holds `passages.arrow`.
        config: all that shapes the index.
        encoder: of queries.
        index: folder of the index, where scores are kept by content.
        device: where models run.
        report: called with the number of passages scored so far.

    Raises:
        InvalidInput: the estimator is of another language or gave no number, or the corpus is smaller than ten.
    """
    settings, language = config.quality, config.sparse.language
    passages = PassageStore(folder / PASSAGES)
    texts = (text for _, text in passages.contents())
    with open_estimator(
        settings.used or DEFAULT, lambda: (text for _, text in passages.contents()), encoder, language, device
    ) as estimator:
        fingerprint = estimator.fingerprint
        if not divided(folder, passages):
            scores = ScoreCache(index / CACHE, estimator).score(texts, len(passages), report)
            repeated = find_duplicates((text for _, text in passages.contents()), settings.duplicates)
            chosen = decide(scores, settings.prune, repeated, passages.all_ids().to_pylist())
            divide(passages, chosen, scores, folder, dict(config.corpus.metadata), settings.cold)
    reasons = [one.reason for one in read_pruned(folder)]
    return PruningEntry(
        estimator=settings.used or DEFAULT,
        estimator_fingerprint=fingerprint,
        pruned=len(reasons),
        duplicates=sum("duplicate of" in reason for reason in reasons),
    )
