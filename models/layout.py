"""PairLayout: how the tokens of a query and of a passage become the one sequence that a scoring model reads."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from tamis.errors import InvalidInput

from .settings import BundleSettings

Ids = list[int]

PASSAGE_SHARE = 0.25
"""Share of the window that a passage always has: a query that would leave less is cut."""

PROBE = ("What is a tamis?", "A tamis is a fine sieve, 3.5 mm or less. It is used in kitchens.")


@dataclass(frozen=True, slots=True)
class Pair:
    """The tokens of one query and one passage, as the model reads them."""

    ids: npt.NDArray[np.int64]
    """int64[tokens]."""
    types: npt.NDArray[np.int64]
    """int64[tokens]: 0 or 1, which of the two texts a token belongs to."""
    passage_cut: bool
    """The end of the passage did not fit the window."""
    query_cut: bool
    """The end of the query was left out, so that the passage has its share."""

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class PairLayout:
    """Special tokens or a prompt's words around query and passage, and what is cut where the window is too small.

    The query is cut only where it would leave the passage less than `PASSAGE_SHARE` of the window; the prompt and
    the special tokens never.
    """

    before: Ids
    between: Ids
    after: Ids
    types: tuple[int, int, int, int, int]
    """Type of the tokens before, of the query, between, of the passage, and after."""
    window: int
    """Tokens that the model reads."""
    reads_query: bool = True

    def __post_init__(self) -> None:
        if self.room < 2:
            raise InvalidInput(f"a window of {self.window} tokens leaves no room for a query and a passage")

    @property
    def room(self) -> int:
        """Tokens left for query and passage together."""
        return self.window - len(self.before) - len(self.between) - len(self.after)

    def join(self, query: Ids, passage: Ids) -> Pair:
        """Put the tokens of a query and of a passage together, cut to the window."""
        kept = query[: self.room - max(1, int(PASSAGE_SHARE * self.room))] if self.reads_query else []
        left = self.room - len(kept)
        cut = passage[:left]
        parts = (self.before, kept, self.between, cut, self.after)
        types = np.repeat(np.array(self.types, np.int64), [len(part) for part in parts])
        ids = np.array([token for part in parts for token in part], np.int64)
        return Pair(ids, types, len(cut) < len(passage), self.reads_query and len(kept) < len(query))


def layout_of(tokenizer: Tokenizer, settings: BundleSettings) -> PairLayout:
    """Find the layout that a bundle's tokenizer and settings ask for, and check it on an example.

    Raises:
        InvalidInput: the tokenizer, the prompt or the window does not allow one.
    """
    prompt = settings.scorer.prompt if settings.scorer else None
    layout = (
        _pair(tokenizer, settings.max_length)
        if prompt is None
        else filled_layout(tokenizer, prompt, settings.max_length)
    )
    query, passage = PROBE
    joined = layout.join(token_ids(tokenizer, query), token_ids(tokenizer, passage))
    whole = tokenizer.encode(*PROBE) if prompt is None else tokenizer.encode(filled(prompt, query, passage))
    if not joined.passage_cut and joined.ids.tolist() != whole.ids:
        raise InvalidInput(
            f"the tokenizer of {settings.name} reads a text differently in its place than alone: expected one that "
            "splits at spaces"
        )
    return layout


def token_ids(tokenizer: Tokenizer, text: str) -> Ids:
    """Tokenise a text alone, without special tokens."""
    ids: Ids = tokenizer.encode_batch_fast([text], add_special_tokens=False)[0].ids
    return ids


def first_ids(tokenizer: Tokenizer, text: str, enough: int) -> Ids:
    """Tokenise a text alone, or so much of its beginning as gives `enough` tokens.

    A text of 100,000 words costs no more than one of `enough` words, as long as it has spaces.
    """
    return all_first_ids(tokenizer, [text], enough)[0]


def all_first_ids(tokenizer: Tokenizer, texts: Sequence[str], enough: int) -> list[Ids]:
    """Tokenise texts as `first_ids` does, on all cores."""
    beginnings = [_beginning(text, enough) for text in texts]
    found: list[Ids] = [one.ids for one in tokenizer.encode_batch_fast(beginnings, add_special_tokens=False)]
    for place, ids in enumerate(found):
        # A word can be nothing to the tokenizer: control characters, say.
        if len(ids) < enough and len(beginnings[place]) < len(texts[place]):
            found[place] = token_ids(tokenizer, texts[place])
    return found


def _beginning(text: str, words: int) -> str:
    """Give the first words of a text."""
    if len(text) <= 2 * words:  # each word takes a letter and a space
        return text
    parts = text.split(None, words)
    return text[: len(text) - len(parts[-1])].rstrip() if len(parts) > words else text


def filled(prompt: str, query: str, passage: str) -> str:
    """Put query and passage into a prompt's `{query}` and `{passage}`."""
    texts = {"{query}": query, "{passage}": passage}
    return re.sub(r"\{query\}|\{passage\}", lambda found: texts[found.group()], prompt)


def _pair(tokenizer: Tokenizer, window: int) -> PairLayout:
    """Read the layout off the tokenizer's own way to encode a pair."""
    found = tokenizer.encode(*PROBE)
    places = [-1 if place is None else int(place) for place in found.sequence_ids]
    runs = [(place, start, end) for place, start, end in _runs(places)]
    if [place for place, *_ in runs if place >= 0] != [0, 1]:
        raise InvalidInput("the tokenizer does not put a query before its passage when it encodes a pair")
    (_, first, second), (_, third, fourth) = (run for run in runs if run[0] >= 0)
    ids, types = found.ids, found.type_ids
    parts = ((0, first), (first, second), (second, third), (third, fourth), (fourth, len(ids)))
    own = [types[start] if start < end else 0 for start, end in parts]
    return PairLayout(ids[:first], ids[second:third], ids[fourth:], (own[0], own[1], own[2], own[3], own[4]), window)


def _runs(places: list[int]) -> list[tuple[int, int, int]]:
    """Give (value, start, end) of each run of equal values."""
    starts = [0, *(place for place in range(1, len(places)) if places[place] != places[place - 1])]
    return [(places[start], start, end) for start, end in zip(starts, [*starts[1:], len(places)], strict=True)]


def filled_layout(tokenizer: Tokenizer, prompt: str, window: int) -> PairLayout:
    """Tokenise the words of a prompt around its two places, with the special tokens of a single text.

    Raises:
        InvalidInput: the prompt has no place for a passage, or the window no room.
    """
    words = re.fullmatch(r"(?P<before>[^{}]*?)(?:\{query\}(?P<between>[^{}]*))?\{passage\}(?P<after>[^{}]*)", prompt)
    if words is None:
        raise InvalidInput(f"prompt {prompt!r} needs one {{passage}}, and may have one {{query}} before it")
    reads_query = words["between"] is not None
    found = tokenizer.encode("a", add_special_tokens=True)
    own = [place for place, part in enumerate(found.sequence_ids) if part is not None]
    lead, tail = found.ids[: own[0]], found.ids[own[-1] + 1 :]
    before, between, after = (
        token_ids(tokenizer, (words[name] or "").strip()) for name in ("before", "between", "after")
    )
    return PairLayout([*lead, *before], between, [*after, *tail], (0, 0, 0, 0, 0), window, reads_query)
