"""Scorer: query and passage read together by a cross-encoder or a T5; also a passage's quality, without a query."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np

from tamis.errors import DamagedFile, InvalidInput

from .bundle import ModelBundle
from .device_batches import DeviceBatches
from .device_buffers import DeviceBuffers
from .fair_workers import FairWorkers
from .fit import INPUTS, check_fit
from .layout import Ids, Pair, all_first_ids, first_ids, layout_of
from .scores import PairScores, Scores
from .session import CUDA, Device, open_bundle, provider_of
from .tokenizer import load_tokenizer

if TYPE_CHECKING:
    import onnxruntime

Stop = Callable[[], bool]
"""Asked before each pair (on a GPU, before each batch); True ends the work."""

NOT_UNICODE = (TypeError, UnicodeEncodeError)
"""What the `tokenizers` library raises for a lone surrogate."""

SURROGATE = "the passage is not valid Unicode: it holds a lone surrogate"

LETTERS = 4
"""Letters of a token, about: what a pair costs is guessed before it is its turn to be split into tokens."""

GAVE = "the model gave"
"""Begins the reason where the model was asked and said no number."""


class Scorer:
    """Scores pairs of query and passage; the score of a pair depends on that pair alone.

    On a CPU every pair is one run without padding, on one thread, and runs go side by side: the bits of a score are
    the same alone, in any batch, in any order and with any number of threads, in every precision. On a GPU, pairs are
    computed in batches whose shape the pair's own length picks.
    """

    def __init__(
        self,
        bundle: ModelBundle,
        session: onnxruntime.InferenceSession,
        threads: int,
        most_waiting: int | None = None,
    ) -> None:
        self.bundle = bundle
        self._session = session
        self._tokenizer = load_tokenizer(bundle)
        self._inputs = [given.name for given in session.get_inputs()]
        self._ones = np.ones((1, bundle.settings.max_length), np.int64)
        check_fit(bundle, self._tokenizer, session)
        self._layout = layout_of(self._tokenizer, bundle.settings)
        self._workers = FairWorkers(threads, "tamis-scorer", most_waiting)
        self._device = _on_device(session, bundle) if self.provider == CUDA else None
        self._closed = False

    @classmethod
    def open(
        cls,
        bundle: ModelBundle,
        device: Device = "cpu",
        threads: int | None = None,
        most_waiting: int | None = None,
    ) -> Scorer:
        """Load a verified bundle, and try it on the largest token id that its tokenizer can give.

        Args:
            bundle: of a kind that scores.
            device: `cpu`, `cuda`, or `auto` for a GPU where there is one.
            threads: pairs scored side by side on a CPU; None: as many as this process may use cores.
            most_waiting: tokens of pairs that wait, on a CPU, above which another caller is refused; None: no bound.

        Raises:
            InvalidInput: the bundle holds an encoder, or its precision does not fit the device.
            MissingPrerequisite: ONNX Runtime or the GPU is not there.
            DamagedFile: model and tokenizer cannot be loaded, or do not belong together.
        """
        if bundle.settings.scorer is None:
            raise InvalidInput(f"{bundle.folder} holds an encoder, expected a cross-encoder, monot5 or quality-t5")
        return cls(bundle, *open_bundle(bundle, device, threads), most_waiting)

    @property
    def provider(self) -> str:
        """What ONNX Runtime really runs on, such as `CPUExecutionProvider`."""
        return provider_of(self._session)

    @property
    def is_alive(self) -> bool:
        """Whether pairs that are given now will be scored: False once a thread died, or after `close`."""
        return self._workers.is_alive

    @property
    def reads_query(self) -> bool:
        """Whether the query matters; quality models read the passage alone."""
        return self._layout.reads_query

    def score(self, query: str, texts: Sequence[str]) -> Scores:
        """Score passages against one query: float32[texts], in the order of the texts.

        Args:
            query: any length; empty is legal, and so are empty texts.
            texts: what exceeds the model's window is cut off. NaN stands for one that cannot be scored.

        Raises:
            InvalidInput: a text is no string, the query is no valid Unicode, or the scorer is closed.
            DamagedFile: the model gave no number for any of several texts.
        """
        if isinstance(texts, str):
            raise InvalidInput("texts is one string, expected a list of strings")
        return self.score_pairs([(query, text) for text in texts]).scores

    def score_pairs(self, pairs: Sequence[tuple[str, str]], stop: Stop | None = None) -> PairScores:
        """Score pairs of query and passage, of any number of queries.

        Args:
            pairs: query and passage.
            stop: asked between pairs; what is not scored when it says True stays NaN.

        Raises:
            InvalidInput: a text is no string, a query is no valid Unicode, or the scorer is closed.
            DamagedFile: the model gave no number for any of several pairs.
            Overloaded: too many pairs of other callers wait.
        """
        if self._closed:
            raise InvalidInput("this scorer is closed: open it again")
        queries = self._query_ids(pairs)
        found = PairScores.empty(len(pairs))
        if self._device is None:
            found = self._one_by_one(pairs, queries, found, stop)
        else:
            found = self._in_batches(self._device, pairs, queries, found, stop)
        if len(pairs) > 1 and sum(reason.startswith(GAVE) for reason in found.failed.values()) == len(pairs):
            raise DamagedFile(f"{self.bundle.model} could score none of {len(pairs)} pairs: {found.failed[0]}")
        return found

    def _one_by_one(
        self, pairs: Sequence[tuple[str, str]], queries: dict[str, Ids], found: PairScores, stop: Stop | None
    ) -> PairScores:
        """Fill in scores, each from a run of its own."""

        def work(place: int) -> None:
            query, text = pairs[place]
            try:
                pair = self._layout.join(queries[query], self._ids(text))
            except NOT_UNICODE:
                found.failed[place] = SURROGATE
                return
            try:
                score, reason = self.run(pair), None
            except Exception as error:  # the classes of ONNX Runtime's errors have no common base below Exception
                score, reason = math.nan, f"ONNX Runtime: {error}"
            self._note(found, place, pair, score, reason)

        window = self.bundle.settings.max_length
        costs = [min(window, (len(query) + len(text)) // LETTERS + 1) for query, text in pairs]
        return replace(found, stopped=not self._workers.each(costs, work, stop))

    def _in_batches(
        self,
        device: DeviceBatches,
        pairs: Sequence[tuple[str, str]],
        queries: dict[str, Ids],
        found: PairScores,
        stop: Stop | None,
    ) -> PairScores:
        """Fill in scores batch by batch (for a GPU)."""
        passages = self._all_ids([text for _, text in pairs], found)
        joined = {place: self._layout.join(queries[pairs[place][0]], ids) for place, ids in passages.items()}
        smaller = False
        for computed in device.run(joined, stop):
            smaller |= computed.smaller
            for place, score in zip(computed.places, computed.scores.tolist(), strict=True):
                self._note(found, place, joined[place], score, computed.reason)
        stopped = bool(np.isnan(found.scores).sum() > len(found.failed))
        return replace(found, stopped=stopped, smaller_batches=smaller)

    def joined(self, query: str, text: str) -> Pair:
        """Give the tokens that the model reads of a pair, for `run`; safe to call from several threads."""
        return self._layout.join(self._ids(query), self._ids(text))

    def _ids(self, text: str) -> Ids:
        return first_ids(self._tokenizer, text, self._layout.window)

    def run(self, pair: Pair) -> float:
        """Score one joined pair in a run of its own; safe to call from several threads."""
        values = (pair.ids[None, :], self._ones[:, : len(pair)], pair.types[None, :])
        feed = {name: value for name, value in zip(INPUTS, values, strict=True) if name in self._inputs}
        return float(self._session.run(None, feed)[0][0])

    def _all_ids(self, texts: list[str], found: PairScores) -> dict[int, Ids]:
        """Tokenise passages on all cores at once, by place; one that is no Unicode is noted and left out."""
        try:
            return dict(enumerate(all_first_ids(self._tokenizer, texts, self._layout.window)))
        except NOT_UNICODE:
            ids = {}
            for place, text in enumerate(texts):
                try:
                    ids[place] = self._ids(text)
                except NOT_UNICODE:
                    found.failed[place] = SURROGATE
            return ids

    def _note(self, found: PairScores, place: int, pair: Pair, score: float, reason: str | None = None) -> None:
        found.tokens[place] = len(pair)
        found.passages_cut[place], found.queries_cut[place] = pair.passage_cut, pair.query_cut
        if np.isfinite(score):
            found.scores[place] = score
        else:
            found.failed[place] = reason or f"{GAVE} {score}"

    def _query_ids(self, pairs: Sequence[tuple[str, str]]) -> dict[str, Ids]:
        """Check the pairs, and tokenise each query once."""
        for place, (query, text) in enumerate(pairs):
            for name, value in (("query", query), ("passage", text)):
                if not isinstance(value, str):
                    raise InvalidInput(f"{name} of pair {place} is {type(value).__name__}, expected a string")
        if not self._layout.reads_query:
            return {query: [] for query, _ in pairs}
        try:
            return {query: self._ids(query) for query in dict.fromkeys(query for query, _ in pairs)}
        except NOT_UNICODE as error:
            raise InvalidInput(f"a query is not valid Unicode ({error}): replace the lone surrogate") from None

    def close(self) -> None:
        """Wait for runs under way and let go of the threads."""
        self._closed = True
        self._workers.close()

    def __enter__(self) -> Scorer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _on_device(session: onnxruntime.InferenceSession, bundle: ModelBundle) -> DeviceBatches:
    return DeviceBatches(DeviceBuffers(session), bundle.settings.max_length)
