"""What the surface of a passage shows: words, signs and sentences in numbers, by plain Python."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

NAMES = (
    "distinct_words",
    "stopwords",
    "capitalised",
    "capitals",
    "definitions",
    "first_person",
    "boilerplate",
    "ends_a_sentence",
    "starts_a_sentence",
    "brackets",
    "commas",
    "colons",
    "address",
    "question_first",
    "reference_first",
    "signs",
    "repeated_sentences",
)
"""What generalises; numbers, long words and repeated pairs of words were tried, and were about the source instead.

Shares are of the passage's words, unless the name says otherwise; `distinct_words` is ln(1 + their number).
"""

_STOPWORDS = """
a an and are as at be but by for if in into is it no not of on or such that the their then there these they this to was
will with from have has had which you your can may also more been were one its other when what who how do does i we our
my me he she his her them so than about all most some any would could should only up out over
"""
_BOILERPLATE = """
click copyright reserved cookie privacy login subscribe download share comment comments reply posted menu search home
page site website www http https com email contact free buy price shop cart order shipping review reviews rating vote
votes answer answers view views related follow tweet facebook twitter link links source sources here
"""
_DEFINING = """
is are was were mean means defined called known consist consists caused include includes located
"""
STOPWORDS = frozenset(_STOPWORDS.split())
FIRST_PERSON = frozenset(("i", "me", "my", "we", "us", "our", "you", "your"))
QUESTIONS = frozenset(("what", "how", "why", "when", "who", "where", "can", "is", "do", "does", "which", "i", "my"))
REFERENCES = frozenset(("this", "these", "it", "they", "he", "she", "that", "and", "but", "so", "however"))
BOILERPLATE = frozenset(_BOILERPLATE.split())
DEFINING = frozenset(_DEFINING.split())

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")  # noqa: RUF001  (the sign that texts use)
_SENTENCE = re.compile(r"[.!?]+(?:\s|$)")
_SIGN = re.compile(r"[^\w\s]|_")
_SHOUTED = re.compile(r"\b[A-Z][A-Z0-9]+\b")

MOST = 20_000
"""Letters that are read of a passage."""


def surface(texts: Sequence[str]) -> npt.NDArray[np.float32]:
    """Describe passages: float32[texts, len(NAMES)], finite for any text, also an empty one."""
    rows = [_describe(text[:MOST]) for text in texts]
    return np.array(rows, np.float32).reshape(len(texts), len(NAMES))


def _describe(text: str) -> tuple[float, ...]:
    words = _WORD.findall(text)
    lower = [word.lower() for word in words]
    count = len(words) or 1
    first = lower[0] if lower else ""
    stripped = text.strip()
    sentences = [part.strip().lower() for part in _SENTENCE.split(text) if part.strip()]
    distinct = set(lower)
    return (
        math.log1p(len(distinct)),
        sum(map(STOPWORDS.__contains__, lower)) / count,
        sum(word[0].isupper() for word in words) / count,
        len(_SHOUTED.findall(text)) / count,
        sum(map(DEFINING.__contains__, lower)) / count,
        sum(map(FIRST_PERSON.__contains__, lower)) / count,
        sum(map(BOILERPLATE.__contains__, lower)) / count,
        float(stripped[-1:] in (".", "!", "?")),
        float(stripped[:1].isupper()),
        text.count("(") / count,
        text.count(",") / count,
        text.count(":") / count,
        float("www." in text or "http" in text or ".com" in text),
        float(first in QUESTIONS),
        float(first in REFERENCES),
        len(_SIGN.findall(text)) / max(1, len(text)),
        1 - len(set(sentences)) / max(1, len(sentences)) if sentences else 0.0,
    )
