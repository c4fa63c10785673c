"""Index and configuration to Pipeline: the only place that picks classes."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Executor

from tamis.errors import InvalidInput
from tamis.indexer.published import PublishedIndex
from tamis.models.bundle import ModelBundle
from tamis.models.scorer import Scorer
from tamis.models.session import Device
from tamis.models.store import resolve_scorer

from .config import PipelineConfig
from .dense import DenseRetriever
from .fusion import NORMALISATIONS, ReciprocalRankFusion, WeightedSum
from .pair_scorer import PairScorer
from .pipeline import Pipeline
from .rerank import Reader, Reranker
from .sparse import SparseRetriever
from .stages import Fusion, Retriever

ReaderKey = tuple[str, str]
"""Bundle and precision of a second stage."""


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


def assemble(
    index: PublishedIndex,
    config: PipelineConfig,
    pool: Executor,
    reader: Reader | None = None,
    late: Executor | None = None,
) -> Pipeline:
    """Join the stages that the configuration names, over an open index.

    Args:
        index: open.
        config: the path of a query.
        pool: where retrievers run side by side.
        reader: the model of the second stage; without it there is none, whatever the configuration says.
        late: where rescorers run that must be done by a deadline.
    """
    models = {"dense": index.encoder.bundle.fingerprint} if "dense" in config.retrievers else {}
    rerank = None
    if reader is not None and config.rerank is not None:
        models["rerank"] = reader.fingerprint
        rerank = Reranker(reader, index.passages, index.ids.rank, config.rerank_depth, config.rerank_weights)
    known: dict[str, Retriever] = {
        "sparse": SparseRetriever(index.sparse, index.ids.rank),
        "dense": DenseRetriever(index.dense, index.encoder, index.ids.rank, config.ef_search),
    }
    return Pipeline(
        retrievers={name: known[name] for name in config.retrievers},
        depths={"sparse": config.sparse_depth, "dense": config.dense_depth},
        fusion=fusion_of(index, config),
        pool=pool,
        rerank=rerank,
        late=late,
        models=models,
    )


def fusion_of(index: PublishedIndex, config: PipelineConfig) -> Fusion:
    """Make the fusion that a configuration names."""
    if config.fusion == "rrf":
        return ReciprocalRankFusion(index.ids.rank, config.weights, config.rrf_k)
    return WeightedSum(index.ids.rank, config.weights, NORMALISATIONS[config.normalisation])
