"""The name of an estimator to the estimator."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tamis.errors import InvalidInput
from tamis.models.bundle import ModelBundle
from tamis.models.digest import sha256_json
from tamis.models.encoder import Encoder
from tamis.models.scorer import Scorer
from tamis.models.session import Device
from tamis.models.settings import Kind
from tamis.models.store import resolve_scorer

from .embedding import SETTINGS as EMBEDDING
from .embedding import EmbeddingScorer, read_settings
from .light import SETTINGS, LightScorer
from .models import Magnitude, QualT5
from .role import Estimator, Trained
from .unsupervised import Chance, CollectionDivergence, InverseTerms, Length

DEFAULT = "light"
PLAIN = ("length", "random", "inverse-terms", "cdd", "magnitude")
"""Those that have nothing to load."""

READ_ALONE: tuple[Kind, ...] = ("quality-t5",)
"""Kinds of bundles that score a passage without a query."""


@contextmanager
def open_estimator(
    name: str,
    collection: Callable[[], Iterable[str]],
    encoder: ModelBundle,
    language: str = "en",
    device: Device = "cpu",
) -> Iterator[Estimator]:
    """Open an estimator until the context is left.

    Args:
        name: `light`, the folder of a trained scorer, `length`, `random`, `inverse-terms`, `cdd`, `magnitude`,
            or name or folder of a `quality-t5` bundle.
        collection: gives the texts of the collection, for those that look at it as a whole.
        encoder: of the index, for `magnitude`.
        language: of the collection.
        device: where models run.

    Raises:
        NotFound: there is none of this name.
        InvalidInput: it was trained on another language, or cannot be used with this encoder.
    """
    plain: dict[str, Callable[[], Estimator]] = {
        "light": LightScorer.open,
        "length": Length,
        "random": Chance,
        "inverse-terms": InverseTerms,
        "cdd": lambda: CollectionDivergence(collection()),
    }
    if name in plain:
        yield _of_language(plain[name](), language)
    elif name == "magnitude":
        with Encoder.open(encoder, device=device) as opened:
            yield Magnitude(opened)
    elif os.sep in name and (Path(name) / SETTINGS).is_file():
        yield _of_language(LightScorer.open(Path(name)), language)
    elif os.sep in name and (Path(name) / EMBEDDING).is_file():
        with Encoder.open(encoder, device=device) as opened:
            yield _of_language(EmbeddingScorer.open(Path(name), opened), language)
    else:
        with Scorer.open(resolve_scorer(name, "fp32", READ_ALONE), device) as scorer:
            yield QualT5(scorer)


def identity(name: str | None) -> str | None:
    """Return what tells an estimator from another of the same name, without looking at a collection.

    Raises:
        NotFound: there is none of this name.
        DamagedFile: its files are not as they were written.
    """
    if name is None or name in PLAIN:
        return name
    if name == DEFAULT:
        return LightScorer.open().fingerprint
    if os.sep in name and (Path(name) / SETTINGS).is_file():
        return LightScorer.open(Path(name)).fingerprint
    if os.sep in name and (Path(name) / EMBEDDING).is_file():
        return sha256_json(read_settings(Path(name)).model_dump(mode="json"))
    return resolve_scorer(name, "fp32", READ_ALONE).fingerprint


def _of_language(estimator: Estimator, language: str) -> Estimator:
    if isinstance(estimator, Trained) and estimator.language != language:
        raise InvalidInput(
            f"estimator {estimator.name} was trained on language {estimator.language!r}, the corpus is indexed as "
            f"{language!r}: train one with `tamis train quality --language {language}`, or use `length`"
        )
    return estimator
