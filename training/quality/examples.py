"""Passages that answer something, and passages of the same source that were read and do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tamis.errors import InvalidInput
from tamis.eval.judged import Judged
from tamis.indexer.config import CorpusConfig
from tamis.indexer.corpus.open import open_corpus
from tamis.indexer.passage import BadRecord, Passage

LEAST = 50
"""Passages of each sort below which nothing is learned."""
MOST = 50_000
"""Passages of each sort that are taken of a collection unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Examples:
    """Texts, and whether each answers any question."""

    source: str
    texts: tuple[str, ...]
    answers: npt.NDArray[np.bool_]
    """bool[texts]."""
    judged: bool
    """Whether a person read those that do not answer; else nobody asked about them."""


def examples(judged: Judged, most: int = MOST, seed: int = 0) -> Examples:
    """Divide a collection's passages by whether they answer any of its queries.

    Where passages were judged as not relevant, these are the contrast: they are of the same source, and were read.
    Where none were, it is what no query asks for; that teaches quality only where both come from one source.

    Args:
        judged: one split of a collection.
        most: passages to take of each sort, at random.
        seed: of the draw.

    Raises:
        InvalidInput: there are fewer than fifty of a sort.
    """
    best: dict[str, int] = {}
    for found in judged.qrels.values():
        for id_, grade in found.items():
            best[id_] = max(best.get(id_, 0), grade)
    read = any(grade <= 0 for grade in best.values())
    good: list[str] = []
    bad: list[str] = []
    for record in open_corpus(judged.corpus, CorpusConfig()).records(lambda _: None):
        if isinstance(record, BadRecord) or (read and record.id not in best):
            continue
        text = Passage(record.id, record.id, record.title, record.text).contents
        (good if best.get(record.id, 0) > 0 else bad).append(text)
    if min(len(good), len(bad)) < LEAST:
        raise InvalidInput(
            f"{judged.name}/{judged.split} has {len(good)} passages that answer a query and {len(bad)} that do not, "
            f"expected {LEAST} or more of each: quality is learned from the difference. For collections whose every "
            "passage is relevant, make windows of them first (python -m tamis.training.recipes.answer_windows)"
        )
    generator = np.random.default_rng(seed)
    good, bad = _some(good, most, generator), _some(bad, most, generator)
    answers = np.arange(len(good) + len(bad)) < len(good)
    return Examples(f"{judged.name}/{judged.split}", tuple(good + bad), answers, read)


def _some(texts: Sequence[str], most: int, generator: np.random.Generator) -> list[str]:
    if len(texts) <= most:
        return list(texts)
    return [texts[place] for place in sorted(generator.choice(len(texts), most, replace=False))]
