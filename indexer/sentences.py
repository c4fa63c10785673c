"""Passages to sentences: the small units that the dense arm may search in the place of whole passages."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from semantic_text_splitter import TextSplitter

from .passage import Passage
from .split import SOFT_BREAK

SHORTEST = 40
"""Characters of a unit: a shorter sentence, heading or item of a list goes with what follows it."""

LONGEST = 1_000
"""Characters above which a sentence is cut (about an encoder's window): a table, or words without an end."""

STRETCH = 10_000
"""Characters of a line that are looked at together: the cutter weighs all that is left of it for each sentence."""

Span = tuple[int, int]
"""Where a unit starts and ends within the text of its passage, in characters."""


def units_of(passage: Passage) -> list[str]:
    """Return what is encoded for a passage: each sentence with the title; at least one, in order.

    A passage of one sentence, or of none, is one unit: its contents as they are.
    """
    spans = sentence_spans(passage.text)
    if len(spans) < 2:
        return [passage.contents]
    title = f"{passage.title}\n" if passage.title else ""
    return [title + passage.text[start:end] for start, end in spans]


def sentence_spans(text: str) -> list[Span]:
    """Return where the sentences of a text lie, in order; they hold all of it but white space.

    Sentences end where Unicode says (UAX 29), and with a line unless it was only wrapped there.
    """
    spans: list[Span] = []
    for start, end in _sentences(text):
        if spans and spans[-1][1] - spans[-1][0] < SHORTEST:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
    if len(spans) > 1 and spans[-1][1] - spans[-1][0] < SHORTEST:
        _, end = spans.pop()
        spans[-1] = (spans[-1][0], end)
    return spans


def _sentences(text: str) -> Iterator[Span]:
    unwrapped = SOFT_BREAK.sub(lambda found: " " * len(found[0]), text)  # keeps every offset
    for start, stretch in _stretches(unwrapped):
        for first, last in _spans(stretch, _by_sentence()):
            if last - first <= LONGEST:
                yield start + first, start + last
            else:
                cuts = _spans(stretch[first:last], _by_length())
                yield from ((start + first + one, start + first + other) for one, other in cuts)


def _stretches(text: str) -> Iterator[tuple[int, str]]:
    """Yield lines, without what ends them: where there is a line's end, the cutter sees no sentences."""
    start = 0
    for line in text.splitlines(keepends=True):
        bare = line.splitlines()[0]
        for place in range(0, len(bare), STRETCH):
            yield start + place, bare[place : place + STRETCH]
        start += len(line)


def _spans(text: str, cutter: TextSplitter) -> Iterator[Span]:
    return ((start, start + len(piece)) for start, piece in cutter.chunk_indices(text))


@cache
def _by_sentence() -> TextSplitter:
    """Return what ends a piece as soon as it has something: within one line, at every sentence."""
    return TextSplitter((1, 1_000_000))


@cache
def _by_length() -> TextSplitter:
    return TextSplitter(LONGEST)
