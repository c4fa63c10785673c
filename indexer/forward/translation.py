"""Translation: IBM Model 1, how probably a word of a passage calls for a word of a query."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from .tokens import load_array

TranslationField = Literal["analysed", "unstemmed", "wordpiece", "title"]
TRANSLATION_FIELDS: tuple[TranslationField, ...] = ("analysed", "unstemmed", "wordpiece", "title")
"""The three fields, and the plain words of titles alone."""

_FILES = ("targets", "ends", "sources", "probabilities")


@dataclass(frozen=True, slots=True)
class Translation:
    """t(target | source) of one field, by target; pairs that training found improbable are not there."""

    targets: npt.NDArray[np.int32]
    """Numbers of query terms that have translations, ascending."""
    ends: npt.NDArray[np.int64]
    """int64[targets + 1]: `targets[i]` has pairs `ends[i]` to `ends[i + 1]`."""
    sources: npt.NDArray[np.int32]
    """Numbers of passage terms, ascending within a target."""
    probabilities: npt.NDArray[np.float32]

    @staticmethod
    def open_all(folder: Path) -> dict[TranslationField, Translation]:
        """Map what was trained; nothing where nothing was."""
        return {field: Translation.open(folder / field) for field in TRANSLATION_FIELDS if (folder / field).is_dir()}

    @staticmethod
    def open(folder: Path) -> Translation:
        """Map the files of one field."""
        return Translation(*(load_array(folder / f"{name}.npy") for name in _FILES))

    @staticmethod
    def write_all(tables: Mapping[TranslationField, Translation], folder: Path) -> None:
        """Save the tables of several fields, each in a folder of its own."""
        folder.mkdir(parents=True)
        for field, table in tables.items():
            table.write(folder / field)

    def write(self, folder: Path) -> None:
        """Save the arrays."""
        folder.mkdir(parents=True)
        for name in _FILES:
            np.save(folder / f"{name}.npy", getattr(self, name), allow_pickle=False)

    def of(self, target: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
        """Return the sources of a target, and t(target | source) of each; both may be empty."""
        place = int(np.searchsorted(self.targets, target))
        if place == len(self.targets) or self.targets[place] != target:
            return self.sources[:0], self.probabilities[:0]
        pairs = slice(self.ends[place], self.ends[place + 1])
        return self.sources[pairs], self.probabilities[pairs]
