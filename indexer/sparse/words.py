"""Where words begin and end: Lucene's StandardTokenizer (UAX 29) as regular expressions."""

from __future__ import annotations

import re

import regex

LONGEST = 255
"""Longer words are cut in pieces, in Lucene too."""

_EXTEND = r"[\p{WB=Extend}\p{WB=Format}\p{WB=ZWJ}]*+"  # joins whatever stands before it
_NEWER = r"(?![\u00b8\u02e5-\u02eb\u055a\u055f\u058a\ua708-\ua716])"  # letters since Unicode 13; Lucene has 12.1
_LETTER = rf"{_NEWER}[\p{{WB=ALetter}}\p{{WB=Hebrew_Letter}}]{_EXTEND}"
_NUMBER = rf"\p{{WB=Numeric}}{_EXTEND}"
_KATAKANA = rf"\p{{WB=Katakana}}{_EXTEND}"
_LINK = rf"(?:\p{{WB=ExtendNumLet}}{_EXTEND})"  # such as _
_IN_WORD = rf"{_NEWER}[\p{{WB=MidLetter}}\p{{WB=MidNumLet}}\p{{WB=Single_Quote}}]{_EXTEND}"  # such as ' . :
_IN_NUMBER = rf"[\p{{WB=MidNum}}\p{{WB=MidNumLet}}\p{{WB=Single_Quote}}]{_EXTEND}"  # such as , . ;
_RUN = (
    rf"(?:{_KATAKANA}(?:{_LINK}*{_KATAKANA})*"
    rf"|(?:{_NUMBER}(?:(?:{_LINK}*|{_IN_NUMBER}){_NUMBER})*|{_LETTER}(?:(?:{_LINK}*|{_IN_WORD}){_LETTER})*)+)"
)
_WORD = rf"{_LINK}*{_RUN}(?:{_LINK}+{_RUN})*{_LINK}*"
_OLDER = (  # pictographs until Unicode 16
    r"\u2388\u2600-\u2605\u2607-\u2612\u2614-\u2685\u2690-\u2705\u2708-\u2712\u2763-\u2767"
    r"\U0001f000-\U0001f0ff\U0001f10d-\U0001f10f\U0001f12f\U0001f16c-\U0001f171\U0001f1ad-\U0001f1e5"
    r"\U0001f249-\U0001f53d\U0001f546-\U0001f64f\U0001f680-\U0001f6ff"
    r"\U0001f7d5-\U0001f7d8\U0001f8b0\U0001f8b1\U0001fa00-\U0001fa6d\U0001fb00-\U0001fbca"
)
_PICTURE = rf"[\p{{Extended_Pictographic}}{_OLDER}]{_EXTEND}"
_EMOJI = (
    rf"\p{{Regional_Indicator}}{_EXTEND}\p{{Regional_Indicator}}{_EXTEND}"
    rf"|[0-9#*]\ufe0f?\u20e3|{_PICTURE}(?:(?<=\u200d){_PICTURE})*"
)
_SOUTH_EAST_ASIAN = rf"(?:\p{{LB=SA}}{_EXTEND})+"
_CHARACTER = rf"[\p{{Script=Han}}\p{{Script=Hiragana}}]{_EXTEND}"
_ANY = regex.compile(rf"{_WORD}|{_SOUTH_EAST_ASIAN}|{_CHARACTER}|{_EMOJI}")
_ASCII = re.compile(
    r"_*[A-Za-z0-9](?:[A-Za-z0-9_]|(?<=[A-Za-z])[:.'](?=[A-Za-z])|(?<=[0-9])[,;.'](?=[0-9]))*", re.ASCII
)

_UNSPACED = r"\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{LB=SA}ー"
_PIECE = regex.compile(rf"(?P<unspaced>(?:[{_UNSPACED}]{_EXTEND})+)|{_ANY.pattern}")


def split_words(text: str) -> list[str]:
    """Cut text into words."""
    found: list[str] = _ASCII.findall(text) if text.isascii() else _ANY.findall(text)
    if len(text) <= LONGEST or max(map(len, found), default=0) <= LONGEST:
        return found
    return [word[start : start + LONGEST] for word in found for start in range(0, len(word), LONGEST)]


def split_bigrams(text: str) -> list[str]:
    """Cut text into words, and what is written without spaces into overlapping pairs of characters."""
    words: list[str] = []
    for piece in _PIECE.finditer(text):
        run = piece["unspaced"]
        if run is None:
            words.append(piece[0][:LONGEST])
        elif len(run) == 1:
            words.append(run)
        else:
            words += [run[start : start + 2] for start in range(len(run) - 1)]
    return words
