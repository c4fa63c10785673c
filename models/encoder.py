"""Encoder: texts to vectors, for passages when an index is built and for queries when it is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from tamis.errors import DamagedFile, InvalidInput

from .batches import batches, padded
from .bundle import ModelBundle
from .session import CUDA, Device, open_bundle, provider_of
from .tokenizer import load_tokenizer

if TYPE_CHECKING:
    import onnxruntime

Vectors = npt.NDArray[np.float32]
TextKind = Literal["query", "passage"]
Progress = Callable[[int], None]
"""Is told how many of this call's texts are done."""

CHUNK = 16
"""Texts that a worker takes at once, at most."""


class Encoder:
    """A text encoder: the vector of a text depends on that text alone.

    On a CPU every text is one run without padding, on one thread, and runs go side by side: the bits of a vector are
    the same alone, in any batch, in any order and with any number of threads. On a GPU, texts are computed in batches
    whose shape the text's own length picks.
    """

    def __init__(self, bundle: ModelBundle, session: onnxruntime.InferenceSession, threads: int) -> None:
        self.bundle = bundle
        self._session = session
        self._tokenizer = load_tokenizer(bundle)
        self._tokenizer.enable_truncation(bundle.settings.max_length)
        self._ones = np.ones((1, bundle.settings.max_length), np.int64)
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="tamis-encoder")
        self._closed = False

    @classmethod
    def open(cls, bundle: ModelBundle, device: Device = "cpu", threads: int | None = None) -> Encoder:
        """Load a verified bundle.

        Args:
            bundle: of kind encoder.
            device: `cpu`, `cuda`, or `auto` for a GPU where there is one.
            threads: texts encoded side by side on a CPU; None: as many as this process may use cores.

        Raises:
            InvalidInput: the bundle holds another kind of model, or its precision does not fit the device.
            MissingPrerequisite: ONNX Runtime or the GPU is not there.
            DamagedFile: the model or tokenizer cannot be loaded.
        """
        if bundle.settings.kind != "encoder":
            raise InvalidInput(f"{bundle.folder} holds a {bundle.settings.kind}, expected an encoder")
        return cls(bundle, *open_bundle(bundle, device, threads))

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self.bundle.settings.dimension

    @property
    def provider(self) -> str:
        """What ONNX Runtime really runs on, such as `CPUExecutionProvider`."""
        return provider_of(self._session)

    @property
    def tokenizer_path(self) -> Path:
        """The tokenizer's file."""
        return self.bundle.tokenizer

    def encode(self, texts: Sequence[str], kind: TextKind, progress: Progress | None = None) -> Vectors:
        """Turn texts into vectors: float32[texts, dimension], of unit length where the model normalises.

        Args:
            texts: any length; what exceeds the model's window is cut off. Empty texts are legal.
            kind: decides which prefix the model gets to see.
            progress: called in this thread with the number of texts done.

        Raises:
            InvalidInput: a text is no string or no valid Unicode, or the encoder is closed.
            DamagedFile: the model gave vectors that are not finite.
        """
        if self._closed:
            raise InvalidInput("this encoder is closed: open it again")
        _check_strings(texts)
        settings = self.bundle.settings
        prefix = settings.query_prefix if kind == "query" else settings.passage_prefix
        full = [prefix + text for text in texts] if prefix else texts
        vectors = np.empty((len(texts), settings.dimension), np.float32)
        batched = kind == "passage" and self.provider == CUDA
        done = 0
        for finished in self._in_batches(full, vectors) if batched else self._one_by_one(full, vectors):
            done += finished
            if progress:
                progress(done)
        return vectors

    def count_tokens(self, texts: Sequence[str], kind: TextKind) -> int:
        """Return how many tokens the model reads of texts, after what does not fit was cut off."""
        settings = self.bundle.settings
        prefix = settings.query_prefix if kind == "query" else settings.passage_prefix
        return sum(map(len, self._token_ids([prefix + text for text in texts], 0)))

    def _one_by_one(self, texts: Sequence[str], vectors: Vectors) -> Iterator[int]:
        """Fill in vectors, each from a run of its own; yield how many more are there."""
        size = max(1, min(CHUNK, len(texts) // (4 * self._threads)))
        starts = range(0, len(texts), size)

        def work(start: int) -> int:
            encodings = self._token_ids(texts[start : start + size], start)
            for row, ids in enumerate(encodings, start):
                vectors[row] = self._run(np.array([ids], np.int64), self._ones[:, : len(ids)])[0]
            self._check_finite(vectors[start : start + len(encodings)], start)
            return len(encodings)

        # A single text, and a single thread, need no pool.
        yield from map(work, starts) if len(starts) == 1 or self._threads == 1 else self._pool.map(work, starts)

    def _in_batches(self, texts: Sequence[str], vectors: Vectors) -> Iterator[int]:
        """Fill in vectors batch by batch (for a GPU); yield how many more are there."""
        ids = self._token_ids(texts, 0)
        for positions, shape in batches([len(one) for one in ids], self.bundle.settings.max_length):
            found = self._run(*padded([ids[position] for position in positions], shape))
            vectors[positions] = found[: len(positions)]
            self._check_finite(vectors[positions], positions[0])
            yield len(positions)

    def _run(self, ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> Vectors:
        """Run the graph: int64[rows, length] twice to float32[rows, dimension]."""
        found: Vectors = self._session.run(None, {"input_ids": ids, "attention_mask": mask})[0]
        return found

    def _token_ids(self, texts: Sequence[str], start: int) -> list[list[int]]:
        """Tokenise; `start` is the first text's position in the caller's list, for messages."""
        try:
            return [encoding.ids for encoding in self._tokenizer.encode_batch_fast(list(texts))]
        except (TypeError, UnicodeEncodeError):
            for position, text in enumerate(texts, start):
                _check_unicode(text, position)
            raise

    def _check_finite(self, vectors: Vectors, start: int) -> None:
        if not np.isfinite(vectors).all():
            raise DamagedFile(
                f"{self.bundle.model} gave a vector that is not finite, at text {start} or soon after: "
                "the model is broken; export it again"
            )

    def token_count(self, texts: Sequence[str]) -> npt.NDArray[np.int32]:
        """Count the tokens of each text, special tokens included, nothing cut off: int32[texts]."""
        _check_strings(texts)
        return np.array([len(encoding) for encoding in self._counter.encode_batch_fast(list(texts))], np.int32)

    @cached_property
    def _counter(self) -> Tokenizer:
        return load_tokenizer(self.bundle)

    def close(self) -> None:
        """Stop the worker threads."""
        self._closed = True
        self._pool.shutdown(wait=True, cancel_futures=True)

    def __enter__(self) -> Encoder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _check_strings(texts: Sequence[str]) -> None:
    if isinstance(texts, str):
        raise InvalidInput("texts is one string, expected a list of strings")
    for position, text in enumerate(texts):
        if not isinstance(text, str):
            raise InvalidInput(f"text {position} is {type(text).__name__} {text!r:.80}, expected a string")


def _check_unicode(text: str, position: int) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(f"text {position} is not valid Unicode ({error}): replace the lone surrogate") from None
