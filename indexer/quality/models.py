"""Estimators that run a model: a QualT5 bundle, and the magnitude of an encoder's vectors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tamis.errors import InvalidInput
from tamis.models.digest import sha256_json
from tamis.models.encoder import Encoder
from tamis.models.scorer import Scorer

from .role import Scores


class QualT5:
    """Logarithm of the probability that a T5 calls a passage relevant to anything (Chang et al. 2024)."""

    def __init__(self, scorer: Scorer) -> None:
        """Take an open scorer of a `quality-t5` bundle.

        Raises:
            InvalidInput: the bundle is of another kind.
        """
        if scorer.reads_query:
            raise InvalidInput(f"{scorer.bundle.folder} reads queries; a quality estimator must be a quality-t5 bundle")
        self._scorer = scorer
        self.name = scorer.bundle.settings.name
        self.fingerprint = scorer.bundle.fingerprint

    def score(self, texts: Sequence[str]) -> Scores:
        """Score texts; NaN stands for one that the model cannot read."""
        return self._scorer.score("", texts)


class Magnitude:
    """Length of an encoder's vector, for encoders that do not normalise."""

    name = "magnitude"

    def __init__(self, encoder: Encoder) -> None:
        """Take an open encoder.

        Raises:
            InvalidInput: its vectors have unit length, so that their magnitude says nothing.
        """
        settings = encoder.bundle.settings
        if settings.normalise:
            raise InvalidInput(
                f"encoder {settings.name} gives vectors of unit length: magnitude is for encoders that do not normalise"
            )
        self._encoder = encoder
        self.fingerprint = sha256_json({"estimator": "magnitude", "encoder": encoder.bundle.fingerprint})

    def score(self, texts: Sequence[str]) -> Scores:
        """Measure the vector of each text."""
        lengths: Scores = np.linalg.norm(self._encoder.encode(list(texts), "passage"), axis=1).astype(np.float32)
        return lengths
