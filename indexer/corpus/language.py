"""Does the script of a corpus fit the language whose analyser will cut and stem its words?"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from itertools import islice
from typing import get_args

import numpy as np

from ..config import Language

SAMPLE_TEXTS = 1_000
SAMPLE_CHARS = 2_000
"""Characters taken of each text."""

FEWEST_LETTERS = 20

WEIGHT = {"Han": 3, "Hiragana": 3, "Katakana": 3, "Hangul": 3}
"""One of these characters says about as much as three letters of an alphabet."""

KANA_SHARE = 0.05
"""From this share of kana among Han and kana, a text is Japanese and not Chinese."""

EXPECTED: dict[str, str] = {
    "ar": "Arabic", "bn": "Bengali", "hi": "Devanagari", "ja": "Japanese", "ko": "Hangul",
    "ru": "Cyrillic", "te": "Telugu", "th": "Thai", "zh": "Han",
}  # fmt: skip
"""The script that each language is written in; Latin for those not named."""


def script_mismatch(sample: Iterable[str], language: str) -> str | None:
    """Warn when the sample is mostly written in another script than the language's.

    Args:
        sample: texts of the corpus, in any number; the first thousand are looked at.
        language: a value of `--language`.

    Returns:
        A sentence naming the script found and the languages that fit it, or None where all is well or the
        sample holds too few letters to tell.
    """
    weights = script_weights(text[:SAMPLE_CHARS] for text in islice(sample, SAMPLE_TEXTS))
    expected = EXPECTED.get(language, "Latin")
    if not weights:
        return None
    found = max(weights, key=lambda script: (weights[script], script))
    if found == expected:
        return None
    share = weights[found] / sum(weights.values())
    fitting = [code for code in get_args(Language) if EXPECTED.get(code, "Latin") == found]
    advice = f"--language values that fit: {', '.join(fitting)}" if fitting else "no --language value fits this script"
    return (
        f"the corpus is mostly written in {found} ({share:.0%} of a sample), but --language {language} expects "
        f"{expected}: its analyser would cut and stem the words wrongly; {advice}"
    )


def script_weights(texts: Iterable[str]) -> dict[str, float]:
    """Count the letters of each script, weighted; empty where they are too few to tell.

    Hiragana, Katakana and the Han beside them count as `Japanese`.
    """
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    counts: dict[str, float] = {}
    letters = 0
    for code, count in zip(*np.unique(codes, return_counts=True), strict=True):
        if script := script_of(chr(code)):
            letters += int(count)
            counts[script] = counts.get(script, 0) + int(count) * WEIGHT.get(script, 1)
    if letters < FEWEST_LETTERS:
        return {}
    kana = counts.pop("Hiragana", 0) + counts.pop("Katakana", 0)
    if kana and kana >= KANA_SHARE * (kana + counts.get("Han", 0)):
        counts["Japanese"] = kana + counts.pop("Han", 0)
    return counts


def script_of(character: str) -> str:
    """Name the script of a letter (`Cyrillic`, `Han`) by its Unicode name; empty for what is no letter."""
    if not character.isalpha():
        return ""
    words = unicodedata.name(character, "").replace("FULLWIDTH ", "").replace("HALFWIDTH ", "").split(maxsplit=1)
    script = words[0].title() if words else ""
    return "Han" if script == "Cjk" else script
