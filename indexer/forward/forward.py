"""ForwardIndex: the read side, memory-mapped, of what `build.py` writes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
from tokenizers import Tokenizer

from tamis.errors import DamagedFile, NotFound

from ..sparse.analysis import Analyzer, analyzer_for
from .layout import ABOUT, FIELDS, FORMAT, TOKENIZER, TRANSLATIONS, Field
from .statistics import FieldStatistics
from .tokens import Numbers, Tokens, load_array
from .translation import Translation, TranslationField
from .vocabulary import UNKNOWN, Vocabulary


@dataclass(frozen=True, slots=True)
class ForwardIndex:
    """What every passage says, as numbers; safe to use from several threads."""

    passages: int
    language: str
    words: Tokens
    """Plain words: the field `unstemmed`; through `terms_of_words` also `analysed`."""
    pieces: Tokens
    """Tokens of the encoder: the field `wordpiece`."""
    terms_of_words: Numbers
    """The analysed term of each word, int32[words]; negative where it is a stop word."""
    words_of_terms: Numbers
    """The words of every term, one term's after the other's."""
    word_ends: npt.NDArray[np.int64]
    """Where each term's words end: int64[terms]."""
    term_lengths: Numbers
    """Words of each passage that are no stop words, int32[passages]."""
    statistics: dict[Field, FieldStatistics]
    translations: dict[TranslationField, Translation]
    """IBM Model 1 by field; empty where none was trained."""
    _vocabularies: dict[str, Vocabulary]
    _analyzer: Analyzer
    _tokenizer: Tokenizer
    _unknown_piece: int | None

    @staticmethod
    def open(folder: Path) -> ForwardIndex:
        """Map the files of a forward index.

        Raises:
            NotFound: there is none.
            DamagedFile: it cannot be read, or is of a newer format.
        """
        about = _about(folder)
        try:
            tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
            tokenizer.no_truncation()
            tokenizer.no_padding()
            index = ForwardIndex(
                passages=int(about["passages"]),
                language=about["language"],
                words=Tokens.open(folder / "words"),
                pieces=Tokens.open(folder / "pieces"),
                terms_of_words=load_array(folder / "words" / "terms.npy"),
                words_of_terms=load_array(folder / "terms" / "words.npy"),
                word_ends=load_array(folder / "terms" / "word_ends.npy"),
                term_lengths=load_array(folder / "terms" / "lengths.npy"),
                statistics={
                    field: FieldStatistics.open(folder / part, **about["fields"][field])
                    for field, part in zip(FIELDS, ("terms", "words", "pieces"), strict=True)
                },
                translations=Translation.open_all(folder / TRANSLATIONS),
                _vocabularies={part: Vocabulary(folder / part) for part in ("words", "terms")},
                _analyzer=analyzer_for(about["language"]),
                _tokenizer=tokenizer,
                _unknown_piece=_unknown_piece(tokenizer),
            )
        except Exception as error:  # tokenizers raises Exception itself
            raise DamagedFile(
                f"the forward index in {folder} cannot be read ({error}); build the index again"
            ) from error
        if not len(index.words) == len(index.pieces) == index.passages:
            raise DamagedFile(
                f"the forward index in {folder} has {len(index.words)} and {len(index.pieces)} passages, expected "
                f"{index.passages}; build the index again"
            )
        return index

    def read_query(self, text: str) -> dict[Field, QueryTokens]:
        """Cut a query as the passages were cut, and find the numbers of its tokens."""
        pieces = self._tokenizer.encode(text.encode("utf-8", "replace").decode(), add_special_tokens=False)
        numbers = [UNKNOWN if number == self._unknown_piece else number for number in pieces.ids]
        return {
            "analysed": self._numbered(self._analyzer(text), "terms"),
            "unstemmed": self._numbered(self._analyzer.words(text), "words"),
            "wordpiece": QueryTokens(pieces.tokens, np.array(numbers, np.int32)),
        }

    def numbering(self) -> str:
        """Hash what decides the numbers of tokens: tables of translations are of one numbering."""
        digest = hashlib.sha256(self._tokenizer.to_str().encode())
        for part in sorted(self._vocabularies):
            self._vocabularies[part].add_to(digest)
        return digest.hexdigest()

    def _numbered(self, tokens: list[str], vocabulary: str) -> QueryTokens:
        find = self._vocabularies[vocabulary].find
        return QueryTokens(tokens, np.array([find(token) for token in tokens], np.int32))


@dataclass(frozen=True, slots=True)
class QueryTokens:
    """A query as tokens of one field, in order."""

    strings: list[str]
    numbers: Numbers
    """int32[tokens]; UNKNOWN where the collection does not hold the token."""


def _unknown_piece(tokenizer: Tokenizer) -> int | None:
    """Find the number that stands for whatever the encoder cannot spell: two of them are no match."""
    token = getattr(tokenizer.model, "unk_token", None)
    return None if token is None else tokenizer.token_to_id(token)


def _about(folder: Path) -> dict[str, Any]:
    path = folder / ABOUT
    try:
        about: dict[str, Any] = orjson.loads(path.read_bytes())
        found = about["format"]
    except FileNotFoundError:
        raise NotFound(f"no forward index in {folder}: {ABOUT} is not there; build the index again") from None
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedFile(f"{path} cannot be read ({error}); build the index again") from None
    if found != FORMAT:
        raise DamagedFile(f"{path} has format {found!r}, this Tamis reads {FORMAT}; upgrade Tamis or build again")
    return about
