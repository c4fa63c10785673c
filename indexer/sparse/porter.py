"""Porter's stemmer as Lucene has it, by way of PyStemmer."""

from __future__ import annotations

import re
import threading

import Stemmer

_VOWEL = "(?:[aeiou]|(?<=[^aeiou])y)"
_CONSONANT = "(?:[^aeiouy]|(?<=[aeiou])y)"
_BLE_OR_LOG = re.compile(rf"(.*{_VOWEL}{_CONSONANT}.*)(bl|log)(?:ies|[yi](?:s|ed|ing)?)", re.DOTALL)
_DOUBLED = re.compile(rf"(.*{_VOWEL}.*([^aeioulyszbdfgmnprt]))\2(?:ed|ing)s?", re.DOTALL)


class PorterStemmer:
    """Stems like Lucene's PorterStemFilter; safe to use from several threads.

    Lucene follows Porter's own later program, PyStemmer ("porter") his paper of 1980. They differ in
    three rules, which are applied here before PyStemmer sees the word: `-bli` becomes `-ble` (paper: only
    `-abli`), `-logi` becomes `-log`, and any doubled consonant is undone before -ed and -ing (PyStemmer: only
    the common ones). Lucene leaves words of two letters alone.
    """

    def __init__(self) -> None:
        self._stem = Stemmer.Stemmer("porter", 0).stemWord
        self._lock = threading.Lock()

    def __call__(self, word: str) -> str:
        """Return the stem of a lower-case word."""
        if len(word) <= 2:
            return word
        if match := _BLE_OR_LOG.fullmatch(word):
            word = match[1] + ("ble" if match[2] == "bl" else "log")
        elif match := _DOUBLED.fullmatch(word):
            word = match[1]
        with self._lock:
            return str(self._stem(word))
