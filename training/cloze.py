"""Training groups from a corpus without judgments: a sentence asks for the passage that it was taken from."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from semantic_text_splitter import TextSplitter

from tamis.indexer.passage import Passage

from .groups import Group

SENTENCE = (40, 200)
"""Characters of a query: a sentence, or some short ones together."""

KEPT = 0.1
"""Share of passages that keep the sentence, so that the same words count too (Lee et al. 2019)."""


def cloze(passages: Iterable[Passage], source: str, seed: int = 0) -> Iterator[Group]:
    """Yield a group for each passage of two sentences or more: a random sentence and the rest of the passage.

    The inverse cloze task (Lee et al. 2019, "Latent Retrieval for Weakly Supervised Open Domain Question
    Answering"). Negatives are the other groups of the batch.

    Args:
        passages: of the corpus.
        source: what to call it.
        seed: of the draws.
    """
    generator = random.Random(seed)
    cutter = TextSplitter(SENTENCE)
    for passage in passages:
        sentences = list(cutter.chunk_indices(passage.text))
        if len(sentences) < 2:
            continue
        start, query = generator.choice(sentences)
        kept = generator.random() < KEPT
        text = passage.text if kept else f"{passage.text[:start]}{passage.text[start + len(query) :]}".strip()
        rest = replace(passage, text=text)
        yield Group(source, query, (rest.contents,), np.ones(1, np.float32), np.zeros(1, np.float32))


def with_distractors(groups: Sequence[Group], count: int = 31) -> list[Group]:
    """Add the passages of the groups that follow as ones that are not relevant, so that a group can be ranked."""
    everyone = [group.passages[0] for group in groups]
    found = []
    for place, group in enumerate(groups):
        others = [everyone[(place + step) % len(groups)] for step in range(1, min(count, len(groups) - 1) + 1)]
        passages = (*group.passages, *others)
        relevance = np.zeros(len(passages), np.float32)
        relevance[0] = 1
        found.append(Group(group.source, group.query, passages, relevance, np.zeros(len(passages), np.float32)))
    return found
