"""Index and configuration to Pipeline: the only place that picks classes."""

from __future__ import annotations

from concurrent.futures import Executor

from tamis.indexer.published import PublishedIndex

from .config import PipelineConfig
from .dense import DenseRetriever
from .fusion import NORMALISATIONS, ReciprocalRankFusion, WeightedSum
from .pipeline import Pipeline
from .sparse import SparseRetriever
from .stages import Fusion, Retriever


def assemble(index: PublishedIndex, config: PipelineConfig, pool: Executor) -> Pipeline:
    """Join the stages that the configuration names, over an open index."""
    known: dict[str, Retriever] = {
        "sparse": SparseRetriever(index.sparse, index.ids.rank),
        "dense": DenseRetriever(index.dense, index.encoder, index.ids.rank, config.ef_search),
    }
    return Pipeline(
        retrievers={name: known[name] for name in config.retrievers},
        depths={"sparse": config.sparse_depth, "dense": config.dense_depth},
        fusion=_fusion(index, config),
        pool=pool,
        models={"dense": index.encoder.bundle.fingerprint} if "dense" in config.retrievers else {},
    )


def _fusion(index: PublishedIndex, config: PipelineConfig) -> Fusion:
    if config.fusion == "rrf":
        return ReciprocalRankFusion(index.ids.rank, config.weights, config.rrf_k)
    return WeightedSum(index.ids.rank, config.weights, NORMALISATIONS[config.normalisation])
