"""The scorer that reads an encoder's vectors: a logistic regression over them; it runs where passages are encoded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, ValidationError

from tamis.errors import DamagedFile, InvalidInput, NotFound
from tamis.models.digest import sha256_file, sha256_json
from tamis.models.encoder import Encoder

from ..dense import Vectors
from .light import CLIP, QUERIES, query_hashes
from .role import Scores

SETTINGS = "embedding.json"


class EmbeddingSettings(BaseModel):
    """What a trained scorer of embeddings is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    name: str
    language: str
    encoder: str
    """Fingerprint of the encoder whose vectors it reads."""
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float
    trained_on: tuple[str, ...]
    queries_sha256: str


class EmbeddingScorer:
    """Log-odds that a passage answers a question, from its vector."""

    def __init__(self, settings: EmbeddingSettings, encoder: Encoder, queries: npt.NDArray[np.uint64]) -> None:
        self.settings = settings
        self.name = settings.name
        self.language = settings.language
        self.fingerprint = sha256_json(settings.model_dump(mode="json"))
        self._encoder = encoder
        self._queries = queries

    @staticmethod
    def open(folder: Path, encoder: Encoder) -> EmbeddingScorer:
        """Verify and open a folder that `tamis train quality --on embedding` wrote.

        Raises:
            NotFound: the folder holds no such model.
            DamagedFile: a file was changed, or is missing.
            InvalidInput: it reads the vectors of another encoder.
        """
        settings = read_settings(folder)
        if settings.encoder != encoder.bundle.fingerprint:
            raise InvalidInput(
                f"{folder} reads vectors of encoder {settings.encoder[:12]}..., this index is of "
                f"{encoder.bundle.settings.name} ({encoder.bundle.fingerprint[:12]}...): train one for it"
            )
        return EmbeddingScorer(settings, encoder, np.load(folder / QUERIES, allow_pickle=False))

    def score(self, texts: Sequence[str]) -> Scores:
        """Encode texts, and score their vectors."""
        return self.score_vectors(self._encoder.encode(list(texts), "passage"))

    def score_vectors(self, vectors: Vectors) -> Scores:
        """Score vectors that are there: float32[vectors]; the score of one does not depend on the others."""
        mean, deviation = np.array(self.settings.mean, np.float32), np.array(self.settings.deviation, np.float32)
        values = np.clip((vectors - mean) / deviation, -CLIP, CLIP) * np.array(self.settings.weights, np.float32)
        # summed row by row, as the light scorer does
        scores: Scores = values.sum(axis=1, dtype=np.float32) + np.float32(self.settings.bias)
        return scores

    def knows(self, queries: Sequence[str]) -> list[str]:
        """Return those of some queries that it was trained on."""
        known = np.isin(query_hashes(queries), self._queries)
        return [query for query, is_known in zip(queries, known, strict=True) if is_known]


def read_settings(folder: Path) -> EmbeddingSettings:
    """Verify a folder and read what it is.

    Raises:
        NotFound: the folder holds no such model.
        DamagedFile: a file was changed, or is missing.
    """
    try:
        settings = EmbeddingSettings.model_validate_json((folder / SETTINGS).read_bytes())
    except FileNotFoundError:
        raise NotFound(f"{folder} holds no quality model of embeddings: it has no {SETTINGS}") from None
    except ValidationError as error:
        raise DamagedFile(f"{folder / SETTINGS} is garbled: {error.errors()[0]['msg']}; train again") from None
    if not (folder / QUERIES).is_file() or sha256_file(folder / QUERIES) != settings.queries_sha256:
        raise DamagedFile(f"{folder / QUERIES} is missing, or was changed; train again")
    if len({len(settings.mean), len(settings.deviation), len(settings.weights)}) != 1:
        raise DamagedFile(f"{folder / SETTINGS} is garbled: its vectors differ in length; train again")
    return settings
