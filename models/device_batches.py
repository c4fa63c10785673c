"""DeviceBatches: pairs scored on a GPU in fixed shapes, and in smaller ones where its memory is too small."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from .batches import TOKENS, batches, padded
from .device_buffers import Feed
from .layout import Pair
from .scores import Scores

logger = logging.getLogger(__name__)

OUT_OF_MEMORY = ("failed to allocate memory", "out of memory", "cudaerrormemoryallocation", "alloc_failed")
"""What ONNX Runtime and CUDA say, in lower case; there is no class of error for it."""


class Runner(Protocol):
    """Runs the graph on one batch."""

    def run(self, feed: Feed) -> npt.NDArray[np.float32]:
        """Run int64[rows, length] by name to float32[rows]."""
        ...

    def forget(self) -> None:
        """Give memory back."""
        ...


@dataclass(frozen=True, slots=True)
class Computed:
    """What came of one batch."""

    places: Sequence[int]
    scores: Scores
    """float32[places]; NaN where the device could not."""
    reason: str | None = None
    """Why there are no scores."""
    smaller: bool = False
    """The batch did not fit the device's memory and was made smaller."""


class DeviceBatches:
    """Scores pairs in batches of a token budget; the pair's own length alone picks its batch's shape."""

    def __init__(self, runner: Runner, max_length: int, tokens: int = TOKENS) -> None:
        self._runner, self._max_length, self._tokens = runner, max_length, tokens
        self._lock = threading.Lock()

    def run(self, pairs: Mapping[int, Pair], stop: Callable[[], bool] | None = None) -> Iterator[Computed]:
        """Score pairs by place; `stop` is asked before each batch."""
        places = list(pairs)
        for positions, shape in batches([len(pairs[place]) for place in places], self._max_length, self._tokens):
            if stop is not None and stop():
                return
            group = [places[position] for position in positions]
            yield from self._batch(group, [pairs[place] for place in group], shape)

    def _batch(
        self, places: list[int], pairs: list[Pair], shape: tuple[int, int], smaller: bool = False
    ) -> Iterator[Computed]:
        try:
            scores = self._run(pairs, shape)
        except Exception as error:  # the classes of ONNX Runtime's errors have no common base below Exception
            if not any(word in str(error).lower() for word in OUT_OF_MEMORY):
                raise
            logger.warning("no memory on the GPU for a batch of %d x %d tokens", *shape)
            if shape[0] == 1:
                reason = f"the GPU has no memory for {shape[1]} tokens"
                yield Computed(places, np.full(len(places), np.nan, np.float32), reason, True)
                return
            half = -(-shape[0] // 2)
            for start in range(0, len(places), half):
                end = start + half
                yield from self._batch(places[start:end], pairs[start:end], (half, shape[1]), True)
            return
        yield Computed(places, scores[: len(places)], None, smaller)

    def _run(self, pairs: list[Pair], shape: tuple[int, int]) -> Scores:
        ids, mask = padded([pair.ids.tolist() for pair in pairs], shape)
        types, _ = padded([pair.types.tolist() for pair in pairs], shape)
        with self._lock:
            try:
                return self._runner.run({"input_ids": ids, "attention_mask": mask, "token_type_ids": types})
            except Exception:
                self._runner.forget()
                raise
