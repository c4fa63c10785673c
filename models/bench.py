"""How fast a bundle is on this machine: real passages of equal length, timed in rounds."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from .bundle import ModelBundle
from .encoder import Encoder
from .parity import sentences
from .scorer import Scorer
from .session import Device

TEXTS = 100
WORDS = 60
"""Words of a passage: about 90 tokens, as in MS MARCO."""

QUERY = "how do i sort a dictionary by value"


@dataclass(frozen=True, slots=True)
class Speed:
    """What a model does on this machine."""

    provider: str
    """What ONNX Runtime really ran on."""
    texts: int
    tokens: float
    """Tokens of a text, on average, special tokens and query included."""
    per_second: float
    """Passages or pairs, in the middle round."""
    milliseconds: float
    """For all texts at once, in the middle round."""


def passages() -> list[str]:
    """Give 100 passages of real English prose, 60 words each."""
    words = " ".join(sentences()).split()
    return [" ".join(words[place * WORDS : (place + 1) * WORDS]) for place in range(TEXTS)]


def measure_speed(bundle: ModelBundle, device: Device = "cpu", threads: int | None = None, rounds: int = 5) -> Speed:
    """Time a bundle on 100 passages, after one round of warming up.

    Raises:
        InvalidInput: the precision does not fit the device.
        MissingPrerequisite: ONNX Runtime or the GPU is not there.
    """
    texts = passages()
    if bundle.settings.kind == "encoder":
        with Encoder.open(bundle, device, threads) as encoder:
            tokens = float(encoder.token_count(texts).clip(max=bundle.settings.max_length).mean())
            seconds = _middle(lambda: encoder.encode(texts, "passage"), rounds)
            provider = encoder.provider
    else:
        with Scorer.open(bundle, device, threads) as scorer:
            pairs = [(QUERY, text) for text in texts]
            tokens = float(scorer.score_pairs(pairs).tokens.mean())
            seconds = _middle(lambda: scorer.score_pairs(pairs), rounds)
            provider = scorer.provider
    return Speed(provider, len(texts), tokens, len(texts) / seconds, 1e3 * seconds)


def _middle(work: Callable[[], object], rounds: int) -> float:
    """Give the median of the rounds' seconds; a first round is not counted."""
    seconds = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[1:])
