"""TextScorer: the role of a model that judges a passage's text against a query, and what opens one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from tamis.models.bundle import ModelBundle
from tamis.models.encoder import Encoder
from tamis.models.scorer import Scorer
from tamis.models.session import Device

from .cosine import CosineScorer
from .pair_scorer import PairScorer


class TextScorer(Protocol):
    """Scores passages against a query; the score of a pair does not depend on what else is scored."""

    def score(self, query: str, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return float32[texts], in the order of the texts; higher is more relevant, NaN: cannot be scored."""
        ...

    def close(self) -> None:
        """Let go of the model and its threads."""
        ...


@runtime_checkable
class CountsTokens(Protocol):
    """A model, or a stage around one, that counts what it reads."""

    @property
    def tokens_read(self) -> int:
        """Tokens read since it was opened."""
        ...


def open_text_scorer(bundle: ModelBundle, device: Device = "cpu") -> TextScorer:
    """Load a bundle as what scores passages: an encoder by cosine, the others by what they say of pairs.

    Raises:
        InvalidInput: the model reads no query, or its precision does not fit the device.
        MissingPrerequisite: ONNX Runtime or the GPU is not there.
        DamagedFile: the model cannot be loaded.
    """
    if bundle.settings.kind == "encoder":
        return CosineScorer(Encoder.open(bundle, device))
    return PairScorer(Scorer.open(bundle, device))
