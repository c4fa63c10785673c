"""The learned light scorer: surface and static word vectors into a logistic regression; thousands a second."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, ValidationError

from tamis.errors import DamagedFile, NotFound
from tamis.models.digest import sha256_file, sha256_json

from .role import Scores
from .surface import NAMES, surface
from .words import WordVectors

SHIPPED = Path(__file__).resolve().parent / "shipped"
SETTINGS, QUERIES = "quality.json", "queries.npy"

CLIP = 4.0
"""Standard deviations beyond which a feature tells no more: one odd passage does not get an odd score."""

Features = npt.NDArray[np.float32]


class LightSettings(BaseModel):
    """What a trained light scorer is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    name: str
    language: str
    features: tuple[str, ...]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float
    trained_on: tuple[str, ...]
    files: dict[str, str]
    """sha256 of the other files."""


class LightScorer:
    """Log-odds that a passage answers a question; safe to use from several threads."""

    def __init__(self, settings: LightSettings, words: WordVectors, queries: npt.NDArray[np.uint64]) -> None:
        self.settings = settings
        self.name = settings.name
        self.language = settings.language
        self.fingerprint = sha256_json(settings.model_dump(mode="json"))
        self._words = words
        self._queries = queries
        self._scale = np.array(settings.deviation, np.float32)
        self._mean = np.array(settings.mean, np.float32)
        self._weights = np.array(settings.weights, np.float32)

    @staticmethod
    def open(folder: Path = SHIPPED) -> LightScorer:
        """Verify and open a folder that `tamis train quality` wrote; by default the one that comes with Tamis.

        Raises:
            NotFound: the folder holds no such model.
            DamagedFile: a file was changed, or is missing.
        """
        try:
            settings = LightSettings.model_validate_json((folder / SETTINGS).read_bytes())
        except FileNotFoundError:
            raise NotFound(f"{folder} holds no quality model: it has no {SETTINGS}") from None
        except ValidationError as error:
            raise DamagedFile(f"{folder / SETTINGS} is garbled: {error.errors()[0]['msg']}; train again") from None
        for name, wanted in settings.files.items():
            if not (folder / name).is_file() or sha256_file(folder / name) != wanted:
                raise DamagedFile(f"{folder / name} is missing, or was changed; train, or install Tamis, again")
        words = WordVectors.open(folder)
        widths = {len(settings.mean), len(settings.deviation), len(settings.weights), len(NAMES) + words.dimension}
        if len(widths) != 1 or settings.features != NAMES:
            raise DamagedFile(f"{folder / SETTINGS} is of other features than this Tamis computes; train again")
        return LightScorer(settings, words, np.load(folder / QUERIES, allow_pickle=False))

    def score(self, texts: Sequence[str]) -> Scores:
        """Score texts: float32[texts]; the score of a text does not depend on the others."""
        values = np.clip((describe(texts, self._words) - self._mean) / self._scale, -CLIP, CLIP)
        # summed row by row: the last bits of a matrix product depend on the number of rows
        scores: Scores = (values * self._weights).sum(axis=1, dtype=np.float32) + np.float32(self.settings.bias)
        return scores

    def knows(self, queries: Sequence[str]) -> list[str]:
        """Return those of some queries that it was trained on."""
        hashes = query_hashes(queries)
        known = np.isin(hashes, self._queries)
        return [query for query, is_known in zip(queries, known, strict=True) if is_known]


def describe(texts: Sequence[str], words: WordVectors) -> Features:
    """Return all features of texts: float32[texts, surface and words]."""
    return np.hstack([surface(texts), words.mean(texts)])


def query_hashes(queries: Sequence[str]) -> npt.NDArray[np.uint64]:
    """Hash queries, whatever their case and white space: uint64[queries]."""
    texts = (" ".join(query.lower().split()).encode("utf-8", "replace") for query in queries)
    return np.array([int.from_bytes(sha256(text).digest()[:8]) for text in texts], np.uint64)
