"""Trains the scorer that reads an encoder's vectors, from the same examples as the light one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import orjson

from tamis.eval.judged import Judged
from tamis.files import whole
from tamis.indexer.quality.embedding import SETTINGS, EmbeddingSettings
from tamis.indexer.quality.light import QUERIES, query_hashes
from tamis.models.digest import sha256_file
from tamis.models.encoder import Encoder
from tamis.models.store import resolve_encoder

from .examples import MOST, Examples, examples
from .learn import area, fit
from .train import HELD_OUT, RIDGE


def train_embedding_quality(
    collections: Sequence[Judged],
    out: Path,
    name: str,
    encoder: str,
    language: str = "en",
    seed: int = 0,
    most: int = MOST,
) -> dict[str, float]:
    """Learn from the vectors of passages which of them answer something; return areas on the held-out fifth.

    Args:
        collections: splits for training; each counts the same.
        out: folder to write; all of it, or none.
        name: of the model.
        encoder: whose vectors are read: name or folder of a bundle.
        language: of the passages.
        seed: of what is held out.
        most: passages of each sort to take of a collection; each is encoded.

    Raises:
        InvalidInput: a collection has too few passages of a sort.
        NotFound: there is no such encoder.
    """
    found = [examples(judged, most, seed) for judged in collections]
    answers = np.concatenate([one.answers for one in found])
    sources = np.repeat(np.arange(len(found)), [len(one.texts) for one in found])
    bundle = resolve_encoder(encoder, "fp32")
    with Encoder.open(bundle) as opened:
        vectors = opened.encode([text for one in found for text in one.texts], "passage")
    held_out = np.random.default_rng(seed).permutation(len(vectors)) % HELD_OUT == 0
    scores = fit(vectors[~held_out], answers[~held_out], sources[~held_out].tolist(), RIDGE).score(vectors)
    areas = {
        one.source: round(area(scores[mine], answers[mine]), 4)
        for number, one in enumerate(found)
        if (mine := held_out & (sources == number)).any()
    }
    fitted = fit(vectors, answers, sources.tolist(), RIDGE)
    with whole(out) as folder:
        folder.mkdir(parents=True)
        queries = [query.text for judged in collections for query in judged.queries]
        np.save(folder / QUERIES, np.unique(query_hashes(queries)), allow_pickle=False)
        settings = EmbeddingSettings(
            name=name,
            language=language,
            encoder=bundle.fingerprint,
            mean=tuple(fitted.mean.tolist()),
            deviation=tuple(fitted.deviation.tolist()),
            weights=tuple(fitted.weights.tolist()),
            bias=fitted.bias,
            trained_on=tuple(one.source for one in found),
            queries_sha256=sha256_file(folder / QUERIES),
        )
        (folder / SETTINGS).write_bytes(orjson.dumps(settings.model_dump(mode="json"), option=orjson.OPT_INDENT_2))
        (folder / "README.md").write_text(_card(settings, found, areas, encoder), encoding="utf-8")
    return areas


def _card(settings: EmbeddingSettings, found: Sequence[Examples], areas: dict[str, float], encoder: str) -> str:
    rows = "\n".join(
        f"| {one.source} | {one.answers.sum():,} | {(~one.answers).sum():,} | "
        f"{'judged' if one.judged else 'not asked for'} | {areas.get(one.source, float('nan')):.3f} |"
        for one in found
    )
    return f"""# {settings.name}

Says how likely a passage is to answer any question, from its vector by {encoder}: a logistic regression over
{len(settings.weights)} dimensions. Language: {settings.language}. Made by `tamis train quality --on embedding`.
It saves what is stored and searched, not the encoding.

| trained on | answer a query | do not | contrast | area under ROC, held-out fifth, before it was learned from too |
|---|---|---|---|---|
{rows}
"""
