"""Index and configuration to Pipeline: the only place that picks classes."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path

from tamis.errors import InvalidInput, NotFound, TamisError
from tamis.indexer.published import BLEND, PublishedIndex
from tamis.models.bundle import ModelBundle
from tamis.models.scorer import Scorer
from tamis.models.session import Device
from tamis.models.store import resolve_scorer

from .blend.absent import AbsentBlend
from .blend.blend import Blend, usable_forward
from .blend.bundle import SETTINGS, BlendBundle
from .config import PipelineConfig
from .dense import DenseRetriever
from .fusion import NORMALISATIONS, ReciprocalRankFusion, WeightedSum
from .pair_scorer import PairScorer
from .pipeline import Pipeline
from .rerank import Reader, Reranker
from .sparse import SparseRetriever
from .stages import Fusion, Retriever
from .tiers import ColdSearch, Gate, TwoTierDense, TwoTiers, TwoTierSparse

log = logging.getLogger(__name__)

ReaderKey = tuple[str, str]
"""Bundle and precision of a second stage."""

IN_INDEX = "index"
"""Names the blend that is published in the index itself."""

SHIPPED = {name: Path(__file__).resolve().parent / "blend" / "shipped" / name for name in ("default", "open")}
"""Blends that come with Tamis, for indexes without judgments; their README.md says what they learned from."""


def reader_key(config: PipelineConfig) -> ReaderKey | None:
    """Name the model of the second stage; None where the configuration names none."""
    return None if config.rerank is None else (config.rerank, config.rerank_precision)


def open_reader(config: PipelineConfig, device: Device, most_waiting: int | None = None) -> PairScorer | None:
    """Load the model of the second stage; None where the configuration names none. Whoever asked for it closes it.

    Args:
        config: names the bundle and its precision.
        device: where the model runs.
        most_waiting: tokens of pairs that wait, above which another caller is refused; None: no bound.

    Raises:
        NotFound: there is no such bundle.
        DamagedFile: the bundle is not as it was written.
        InvalidInput: the bundle holds another kind of model, its precision does not fit the device, or was found
            significantly worse than the exact one, and `rerank_lossy` is not set.
    """
    if config.rerank is None:
        return None
    bundle = resolve_scorer(config.rerank, config.rerank_precision)
    if not config.rerank_lossy:
        _refuse_lossy(bundle)
    return PairScorer(Scorer.open(bundle, device, most_waiting=most_waiting))


def _refuse_lossy(bundle: ModelBundle) -> None:
    for check in bundle.settings.checks:
        if check.significant_loss:
            raise InvalidInput(
                f"{bundle.settings.name} in {bundle.settings.precision} is significantly worse than in fp32: "
                f"{check.measure} {check.difference:+.4f} [{check.low:+.4f}, {check.high:+.4f}] on {check.collection}, "
                f"{check.split}; set rerank_precision to fp32, or rerank_lossy to true to take it all the same"
            )


def open_readers(
    configs: Iterable[PipelineConfig], device: Device, most_waiting: int | None = None
) -> dict[ReaderKey, PairScorer]:
    """Load the models of all second stages as `open_reader` does, each once."""
    found: dict[ReaderKey, PairScorer] = {}
    try:
        for config in configs:
            key = reader_key(config)
            if key is not None and key not in found and (reader := open_reader(config, device, most_waiting)):
                found[key] = reader
    except BaseException:
        for reader in found.values():
            reader.close()
        raise
    return found


def open_blends(
    index: PublishedIndex, configs: Iterable[PipelineConfig], lenient: bool = False
) -> dict[str, Blend | AbsentBlend]:
    """Load the forests that configurations name as `open_blend` does, each once, by the name that they have there.

    Args:
        index: open.
        configs: the paths of queries.
        lenient: one that cannot be opened is logged, and replaced by what keeps the order and tells each answer so.
    """
    found: dict[str, Blend | AbsentBlend] = {}
    for config in configs:
        if config.blend is None or config.blend in found:
            continue
        try:
            found[config.blend] = open_blend(index, config.blend)
        except TamisError as error:
            if not lenient:
                raise
            log.error("searching without the blend %r: %s", config.blend, error)  # it says all
            found[config.blend] = AbsentBlend(str(error))
    return found


def open_blend(index: PublishedIndex, name: str) -> Blend:
    """Load a forest between fusion and reranker.

    Args:
        index: open.
        name: `index` for the one published in it, `default` or `open` for one that comes with Tamis, or a folder.

    Raises:
        NotFound: there is no such blend.
        DamagedFile: it is not as it was written.
        InvalidInput: the index has no forward index, or the blend is of another schema or encoder.
    """
    corpus = index.manifest.corpus.name
    forward = usable_forward(index.forward, corpus)
    if name == IN_INDEX and f"{BLEND}/{SETTINGS}" not in index.manifest.files:
        raise NotFound(
            f"version {index.manifest.version} of the index of {corpus} has no blend; train one with "
            '`tamis train blend INDEX COLLECTION`, or take the one that comes with Tamis, `pipeline.blend = "default"`'
        )
    folder = index.folder / BLEND if name == IN_INDEX else SHIPPED.get(name) or Path(name).expanduser()
    bundle = BlendBundle.open(folder)
    bundle.check_encoder(index.encoder.bundle.fingerprint)
    return Blend.open(bundle, forward, index.ids.rank, index.quality, index.dense.vectors)


def assemble(
    index: PublishedIndex,
    config: PipelineConfig,
    pool: Executor,
    reader: Reader | None = None,
    blend: Blend | AbsentBlend | None = None,
    late: Executor | None = None,
) -> Pipeline:
    """Join the stages that the configuration names, over an open index.

    Args:
        index: open.
        config: the path of a query.
        pool: where retrievers run side by side.
        reader: the model of the second stage; without it there is none, whatever the configuration says.
        blend: the forest before it; likewise.
        late: where rescorers run that must be done by a deadline.

    Raises:
        InvalidInput: it asks a cold tier, and the index has none.
    """
    sparse = SparseRetriever(index.sparse, index.ids.rank)
    dense = DenseRetriever(index.dense, index.encoder, index.ids.rank, config.ef_search)
    known: dict[str, Retriever] = {"sparse": sparse, "dense": dense}
    return Pipeline(
        retrievers={name: known[name] for name in config.retrievers},
        depths=_depths(config),
        fusion=fusion_of(index, config),
        pool=pool,
        blend=None if config.blend is None else blend,
        rerank=_reranker(index, config, reader),
        cold=_cold(index, config, sparse, dense),
        models=_fingerprints(index, config, reader, blend),
        late=late,
    )


def _cold(
    index: PublishedIndex, config: PipelineConfig, sparse: SparseRetriever, dense: DenseRetriever
) -> ColdSearch | None:
    check_tiers(index, config)
    if config.cold == "never" or index.cold is None:
        return None
    arms: dict[str, TwoTiers] = {
        "sparse": TwoTierSparse(sparse, replace(sparse, index=index.cold.sparse)),
        "dense": TwoTierDense(dense, replace(dense, index=index.cold.dense)),
    }
    return ColdSearch(Gate(config.cold_below if config.cold == "unsure" else None), arms, index.ids.rank)


def check_tiers(index: PublishedIndex, config: PipelineConfig) -> None:
    """Refuse a pipeline that asks a cold tier of an index that has none.

    Raises:
        InvalidInput: it does.
    """
    if config.cold != "never" and index.cold is None:
        raise InvalidInput(
            f'pipeline.cold is "{config.cold}", and version {index.manifest.version} of the index of '
            f"{index.manifest.corpus.name} has no cold tier: build it with `--prune SHARE --cold`, or set "
            'pipeline.cold to "never"'
        )


def _reranker(index: PublishedIndex, config: PipelineConfig, reader: Reader | None) -> Reranker | None:
    if reader is None or config.rerank is None:
        return None
    return Reranker(reader, index.passages, index.ids.rank, config.rerank_depth, config.rerank_weights)


def _depths(config: PipelineConfig) -> dict[str, int]:
    depths = {"sparse": config.sparse_depth, "dense": config.dense_depth}
    return depths if config.blend_depth is None else {**depths, "blend": config.blend_depth}


def _fingerprints(
    index: PublishedIndex, config: PipelineConfig, reader: Reader | None, blend: Blend | AbsentBlend | None
) -> dict[str, str]:
    models = {"dense": index.encoder.bundle.fingerprint} if "dense" in config.retrievers else {}
    if isinstance(blend, Blend) and config.blend is not None:
        models["blend"] = blend.bundle.fingerprint
    return models if reader is None or config.rerank is None else {**models, "rerank": reader.fingerprint}


def fusion_of(index: PublishedIndex, config: PipelineConfig) -> Fusion:
    """Make the fusion that a configuration names."""
    if config.fusion == "rrf":
        return ReciprocalRankFusion(index.ids.rank, config.weights, config.rrf_k)
    return WeightedSum(index.ids.rank, config.weights, NORMALISATIONS[config.normalisation])
