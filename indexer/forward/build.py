"""Builds a forward index from the passages: read them once, then number all terms and write."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
import orjson
from tokenizers import Tokenizer

from tamis.errors import BuildError
from tamis.files import link_or_copy, remove

from ..passage import Passage
from ..progress import Report
from ..sparse.analysis import Analyzer, analyzer_for
from .known import KnownTokens
from .layout import ABOUT, FIELDS, FORMAT, TOKENIZER, ForwardSettings
from .statistics import Counting, FieldStatistics
from .tokens import TokenLog, TokenWriter
from .vocabulary import UNKNOWN, Vocabulary, encoded

BATCH = 1_024
"""Passages that are tokenised at a time."""

PART = 1 << 20
"""Tokens that are counted and written at a time."""


def build_forward(
    passages: Iterable[Passage],
    settings: ForwardSettings,
    folder: Path,
    progress: Report,
    known: KnownTokens | None = None,
) -> None:
    """Write the forward index of all passages, in row order, to `folder`, which is made where there is none.

    Memory holds the vocabulary and 20 bytes a passage; the same passages and settings give the same bytes, whether
    their tokens are `known` from an older version or not.

    Raises:
        BuildError: the disk is full.
    """
    parts = folder.with_name(f"{folder.name}.parts")
    remove(parts)
    try:
        for path in (parts, *(folder / name for name in ("words", "terms", "pieces"))):
            path.mkdir(parents=True)
        analyzer = analyzer_for(settings.language)
        tokenizer = Tokenizer.from_file(str(settings.tokenizer))
        read = _read(passages, analyzer, tokenizer, parts, progress, known)
        statistics = _write_words(read, analyzer, folder)
        statistics.append(_write_pieces(read, tokenizer.get_vocab_size(), folder))
        link_or_copy(settings.tokenizer, folder / TOKENIZER)
        about = {
            "format": FORMAT,
            "language": settings.language,
            "passages": len(read.words.lengths),
            "fields": {
                field: {"documents": each.documents, "tokens": each.tokens}
                for field, each in zip(FIELDS, statistics, strict=True)
            },
        }
        (folder / ABOUT).write_bytes(orjson.dumps(about, option=orjson.OPT_INDENT_2))
    except OSError as error:
        raise BuildError(
            f"writing the forward index to {folder} failed: {error}; make room and run it again"
        ) from error
    finally:
        remove(parts)


@dataclass(frozen=True, slots=True)
class _Read:
    """All passages as token numbers; those of words are in the order in which words first came."""

    words: TokenLog
    pieces: TokenLog
    numbers: dict[str, int]


def _read(
    passages: Iterable[Passage],
    analyzer: Analyzer,
    tokenizer: Tokenizer,
    parts: Path,
    progress: Report,
    known: KnownTokens | None,
) -> _Read:
    tokenizer.no_truncation()
    tokenizer.no_padding()
    numbers: defaultdict[str, int] = defaultdict()
    numbers.default_factory = numbers.__len__
    words, pieces = TokenLog(parts / "words"), TokenLog(parts / "pieces")
    done = 0
    for batch in _batches(passages):
        sources = [-1] * len(batch) if known is None else known.sources[done : done + len(batch)].tolist()
        new = [passage for passage, source in zip(batch, sources, strict=True) if source < 0]
        titles = tokenizer.encode_batch_fast([passage.title for passage in new], add_special_tokens=False)
        texts = tokenizer.encode_batch_fast([passage.text for passage in new], add_special_tokens=False)
        cut = zip(new, titles, texts, strict=True)
        for source in sources:
            if known is not None and source >= 0:
                pieces.add(*known.pieces(source))
                words.add(*known.words(source, numbers))
                continue
            passage, title, text = next(cut)
            pieces.add(title.ids, text.ids)
            in_title = [numbers[word] for word in analyzer.words(passage.title)] if passage.title else []
            words.add(in_title, [numbers[word] for word in analyzer.words(passage.text)])
        done += len(batch)
        progress(done)
    return _Read(words, pieces, numbers)


def _batches(passages: Iterable[Passage]) -> Iterator[list[Passage]]:
    stream = iter(passages)
    while batch := list(islice(stream, BATCH)):
        yield batch


def _write_words(read: _Read, analyzer: Analyzer, folder: Path) -> list[FieldStatistics]:
    """Number words and terms in sorted order, write them; return statistics of terms and of words."""
    words = sorted(read.numbers, key=encoded)
    final = np.empty(len(words), np.int32)
    final[[read.numbers[word] for word in words]] = np.arange(len(words), dtype=np.int32)
    term_of = [analyzer.term(word) for word in words]
    terms = sorted({term for term in term_of if term}, key=encoded)
    number = {term: place for place, term in enumerate(terms)} | {"": UNKNOWN}
    terms_of = np.fromiter((number[term] for term in term_of), np.int32, len(words))
    Vocabulary.write([encoded(word) for word in words], folder / "words")
    Vocabulary.write([encoded(term) for term in terms], folder / "terms")
    np.save(folder / "words" / "terms.npy", terms_of, allow_pickle=False)
    by_term = np.argsort(terms_of, kind="stable").astype(np.int32)[np.count_nonzero(terms_of < 0) :]
    np.save(folder / "terms" / "words.npy", by_term, allow_pickle=False)
    ends_by_term = np.cumsum(np.bincount(terms_of[by_term], minlength=len(terms)), dtype=np.int64)
    np.save(folder / "terms" / "word_ends.npy", ends_by_term, allow_pickle=False)
    tokens, ends = read.words.finish()
    writer = TokenWriter(folder / "words", ends, read.words.titles, len(words))
    of_terms, of_words = Counting(len(terms)), Counting(len(words))
    lengths = np.zeros(len(ends) - 1, np.int32)
    for first, last, rows in _parts(ends):
        numbers = final[tokens[first:last]]
        of = terms_of[numbers]
        writer.write(first, numbers)
        of_words.add(rows, numbers)
        of_terms.add(rows, of)
        if len(rows):
            lengths[rows[0] : rows[-1] + 1] = np.bincount(rows[of >= 0] - rows[0], minlength=rows[-1] - rows[0] + 1)
    np.save(folder / "terms" / "lengths.npy", lengths, allow_pickle=False)
    statistics = [of_terms.finish(), of_words.finish()]
    for each, name in zip(statistics, ("terms", "words"), strict=True):
        each.write(folder / name)
    return statistics


def _write_pieces(read: _Read, vocabulary: int, folder: Path) -> FieldStatistics:
    """Write the encoder's tokens under the encoder's numbers."""
    tokens, ends = read.pieces.finish()
    writer = TokenWriter(folder / "pieces", ends, read.pieces.titles, vocabulary)
    counting = Counting(vocabulary)
    for first, last, rows in _parts(ends):
        numbers = tokens[first:last].astype(np.int32)
        writer.write(first, numbers)
        counting.add(rows, numbers)
    statistics = counting.finish()
    statistics.write(folder / "pieces")
    return statistics


def _parts(ends: npt.NDArray[np.int64]) -> Iterator[tuple[int, int, npt.NDArray[np.int64]]]:
    """Cut all tokens at ends of passages: first and last token of each part, and every token's row."""
    count, start = len(ends) - 1, 0
    while start < count:
        stop = max(start + 1, int(np.searchsorted(ends, ends[start] + PART, "right")) - 1)
        rows = np.repeat(np.arange(start, stop), np.diff(ends[start : stop + 1]))
        yield int(ends[start]), int(ends[stop]), rows
        start = stop
