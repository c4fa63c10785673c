"""Trains the light scorer of passage quality and writes it with its card."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson

from tamis.eval.judged import Judged
from tamis.files import whole
from tamis.indexer.quality.light import QUERIES, SETTINGS, LightSettings, describe, query_hashes
from tamis.indexer.quality.surface import NAMES
from tamis.indexer.quality.words import TOKENIZER, VECTORS, WEIGHTS, WordVectors
from tamis.models.digest import sha256_file
from tamis.models.store import resolve_encoder

from .examples import MOST, Examples, examples
from .learn import area, fit
from .static_words import static_words

DIMENSION = 8
"""Of the word vectors: what a passage is about in so few numbers helps; more of them are learned by heart."""

RIDGE = 0.05
HELD_OUT = 5
"""One passage in so many is held out to measure."""


@dataclass(frozen=True, slots=True)
class TrainedQuality:
    """What a training reached."""

    settings: LightSettings
    areas: dict[str, float]
    """Area under the ROC curve on the held-out fifth, by collection."""


def train_quality(
    collections: Sequence[Judged],
    out: Path,
    name: str,
    encoder: str,
    language: str = "en",
    seed: int = 0,
    most: int = MOST,
) -> TrainedQuality:
    """Learn which passages answer something, from one collection or several.

    Args:
        collections: splits for training; each counts the same.
        out: folder to write; all of it, or none.
        name: of the model.
        encoder: whose token table the word vectors are taken from: name or folder of a bundle.
        language: of the passages.
        seed: of what is held out.
        most: passages of each sort to take of a collection.

    Raises:
        InvalidInput: a collection has too few passages of a sort.
        NotFound: there is no such encoder.
    """
    found = [examples(judged, most, seed) for judged in collections]
    texts = [text for one in found for text in one.texts]
    answers = np.concatenate([one.answers for one in found])
    sources = np.repeat(np.arange(len(found)), [len(one.texts) for one in found])
    bundle = resolve_encoder(encoder, "fp32")
    held_out = np.random.default_rng(seed).permutation(len(texts)) % HELD_OUT == 0
    used = static_words(bundle, texts, DIMENSION)
    with whole(out) as folder:
        folder.mkdir(parents=True)
        np.save(folder / VECTORS, used.vectors.astype(np.float16), allow_pickle=False)
        np.save(folder / WEIGHTS, used.weights.astype(np.float16), allow_pickle=False)
        (folder / TOKENIZER).write_bytes(used.tokenizer)
        queries = [query.text for judged in collections for query in judged.queries]
        np.save(folder / QUERIES, np.unique(query_hashes(queries)), allow_pickle=False)
        features = describe(texts, WordVectors.open(folder))
        fitted = fit(features[~held_out], answers[~held_out], sources[~held_out].tolist(), RIDGE)
        scores = fitted.score(features)
        areas = {
            one.source: round(area(scores[mine], answers[mine]), 4)
            for number, one in enumerate(found)
            if (mine := held_out & (sources == number)).any()
        }
        fitted = fit(features, answers, sources.tolist(), RIDGE)
        settings = LightSettings(
            name=name,
            language=language,
            features=NAMES,
            mean=tuple(fitted.mean.tolist()),
            deviation=tuple(fitted.deviation.tolist()),
            weights=tuple(fitted.weights.tolist()),
            bias=fitted.bias,
            trained_on=tuple(one.source for one in found),
            files={file: sha256_file(folder / file) for file in (VECTORS, WEIGHTS, TOKENIZER, QUERIES)},
        )
        (folder / SETTINGS).write_bytes(orjson.dumps(settings.model_dump(mode="json"), option=orjson.OPT_INDENT_2))
        (folder / "README.md").write_text(_card(settings, found, areas, encoder), encoding="utf-8")
    return TrainedQuality(settings, areas)


def _card(settings: LightSettings, found: Sequence[Examples], areas: dict[str, float], encoder: str) -> str:
    rows = "\n".join(
        f"| {one.source} | {one.answers.sum():,} | {(~one.answers).sum():,} | "
        f"{'judged' if one.judged else 'not asked for'} | {areas.get(one.source, float('nan')):.3f} |"
        for one in found
    )
    strongest = sorted(zip(NAMES, settings.weights, strict=False), key=lambda pair: -abs(pair[1]))[:8]
    return f"""# {settings.name}

Says how likely a passage is to answer any question, before it is encoded: {len(NAMES)} statistics of its surface and
{len(settings.weights) - len(NAMES)} directions of static word vectors (from the token table of {encoder}) in a
logistic regression. Language: {settings.language}. Made by `tamis train quality`.

| trained on | answer a query | do not | contrast | area under ROC, held-out fifth, before it was learned from too |
|---|---|---|---|---|
{rows}

Largest weights of the surface: {", ".join(f"{name} {weight:+.2f}" for name, weight in strongest)}.

It knows its training queries by their hashes, so that `tamis prune prove` can refuse to prove it on them. It prunes
for questions like those; what nobody would ask in a question, such as a table that is looked up by its title, it may
take for worthless.
"""
