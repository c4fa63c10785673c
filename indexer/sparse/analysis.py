"""Text to terms without Java: Lucene's English analysis reproduced, and a plain one for other languages.

English is Anserini's DefaultEnglishAnalyzer: words by UAX 29, possessive 's off, lower case, Lucene's 33 stop
words, Porter stems. On all passages and queries of SciFact and four other collections it gives the same terms;
what is known to differ is in `docs/analysis.md`.

Other languages, close to Lucene's analysers but not equal to them:

* ar, da, de, es, fi, fr, hi, hu, id, it, nl, no, pt, ru, sv, tr: words, lower case, Snowball stems; the stop words
  of bm25s for da, de, es, fr, it, nl, no, pt, ru, sv, tr; elided articles (l', d', dell') off in fr and it;
* zh, ja, ko, th: overlapping pairs of characters, as Lucene's CJKAnalyzer does for zh and ko;
* bn, te: words in lower case.
"""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Callable
from functools import partial

import regex

from .porter import PorterStemmer
from .words import split_bigrams, split_words

STOP_WORDS = frozenset(
    (
        "a", "an", "and", "are", "as", "at", "be", "but", "by", "for", "if", "in", "into", "is", "it", "no", "not",
        "of", "on", "or", "such", "that", "the", "their", "then", "there", "these", "they", "this", "to", "was", "will",
        "with",
    )
)  # fmt: skip
"""Lucene's EnglishAnalyzer.ENGLISH_STOP_WORDS_SET."""

CJK_STOP_WORDS = (STOP_WORDS - {"an"}) | {"s", "t", "www"}
"""Lucene's CJKAnalyzer has the same words but for these."""

SNOWBALL = {
    "ar": "arabic", "da": "danish", "de": "german", "es": "spanish", "fi": "finnish", "fr": "french", "hi": "hindi",
    "hu": "hungarian", "id": "indonesian", "it": "italian", "nl": "dutch", "no": "norwegian", "pt": "portuguese",
    "ru": "russian", "sv": "swedish", "tr": "turkish",
}  # fmt: skip
STOPPED = ("da", "de", "es", "fr", "it", "nl", "no", "pt", "ru", "sv", "tr")
UNSPACED = ("zh", "ja", "ko", "th")
ELIDED = {
    "fr": regex.compile(r"^(?:l|m|t|qu|n|s|j|d|c|jusqu|quoiqu|lorsqu|puisqu)['\u2019]"),
    "it": regex.compile(r"^(?:c|l|all|dall|dell|nell|sull|coll|pell|gl|agl|dagl|degl|negl|sugl|un|m|t|s|v|d)['\u2019]"),
}
APOSTROPHES = "'\u2019\uff07"
REMEMBERED = 500_000
"""Word forms whose term is kept in memory: most of a text's words come again."""

# Java lowers letter by letter; Python knows the word (final sigma) and expands (dotted capital I)
_LIKE_JAVA = {0x3A3: 0x3C3, 0x130: ord("i")}

Term = Callable[[str], str]
"""Word form to term; an empty one is left out."""


class Analyzer:
    """Cuts text into the terms that are indexed and searched; safe to use from several threads."""

    def __init__(self, split: Callable[[str], list[str]], plain: Term, term: Term) -> None:
        """Compose an analysis: text to words, a word to its plain form, a plain form to its term."""
        self._split = split
        self._plain = _Remembered(plain)
        self._terms = _Remembered(lambda word: term(plain(word)))
        self.term = term
        """Gives the term of a word as `words` has it; empty for a stop word."""

    def __call__(self, text: str) -> list[str]:
        """Return the terms in order, repeated ones repeated."""
        terms = self._terms
        return [term for word in self._split(text) if (term := terms[word])]

    def words(self, text: str) -> list[str]:
        """Return the words in lower case, neither stemmed nor stopped; `term` turns each into its term."""
        known = self._plain
        return [plain for word in self._split(text) if (plain := known[word])]


class _Remembered(dict[str, str]):
    """Terms of the word forms met so far."""

    def __init__(self, term: Term) -> None:
        self._term = term

    def __missing__(self, word: str) -> str:
        if len(self) >= REMEMBERED:
            self.clear()
        term = self[word] = self._term(word)
        return term


def analyzer_for(language: str) -> Analyzer:
    """Give the analysis of a language, one of `SparseConfig.language`."""
    if language == "en":
        return Analyzer(split_words, _english_word, partial(_english, PorterStemmer()))
    if language in UNSPACED:
        return Analyzer(lambda text: split_bigrams(unicodedata.normalize("NFKC", text)), _lower, _unspaced)
    stem = _snowball(SNOWBALL[language]) if language in SNOWBALL else str
    return Analyzer(split_words, partial(_plain_word, language), partial(_plain, stop_words(language), stem))


def stop_words(language: str) -> frozenset[str]:
    """Return bm25s' stop words of a language; empty where it has none."""
    if language not in STOPPED:
        return frozenset()
    from bm25s import stopwords  # heavy, and English does not need it

    names = {"es": "SPANISH", "nl": "DUTCH"} | {code: name.upper() for code, name in SNOWBALL.items()}
    return frozenset(getattr(stopwords, f"STOPWORDS_{names[language]}"))


def _lower(word: str) -> str:
    return word.lower() if word.isascii() else word.translate(_LIKE_JAVA).lower()


def _english_word(word: str) -> str:
    if len(word) >= 2 and word[-1] in "sS" and word[-2] in APOSTROPHES:
        word = word[:-2]
    return _lower(word)


def _english(stem: Term, word: str) -> str:
    return "" if word in STOP_WORDS else stem(word)


def _unspaced(word: str) -> str:
    return "" if word in CJK_STOP_WORDS else word


def _plain_word(language: str, word: str) -> str:
    if language == "tr":  # what follows an apostrophe is a suffix; capital I is not i
        word = regex.split(f"[{APOSTROPHES}]", word)[0].replace("I", "\u0131")
    word = _lower(word)
    if language in ELIDED:
        word = ELIDED[language].sub("", word)
    return word


def _plain(stops: frozenset[str], stem: Term, word: str) -> str:
    return "" if word in stops else stem(word)


def _snowball(algorithm: str) -> Term:
    import Stemmer

    stemmer = Stemmer.Stemmer(algorithm, 0)
    lock = threading.Lock()

    def stem(word: str) -> str:
        with lock:
            return str(stemmer.stemWord(word))

    return stem
