"""Every value that shapes a pipeline, in one typed, frozen configuration."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import Field, field_validator, model_validator

from tamis.indexer.config import Section
from tamis.models.settings import Precision

Arm = Literal["sparse", "dense"]

DEFAULT_PIPELINE = "default"
"""What the pipeline of the section `[pipeline]` is called."""


class PipelineConfig(Section):
    """The path of a query. Depths do not depend on how many hits a request wants, nor do orders."""

    retrievers: tuple[Arm, ...] = Field(("sparse", "dense"), min_length=1, description="first-stage arms to ask")
    sparse_depth: int = Field(200, ge=1, le=10_000, description="candidates that the sparse arm hands on")
    dense_depth: int = Field(200, ge=1, le=10_000, description="candidates that the dense arm hands on")
    ef_search: int | None = Field(
        None, ge=8, le=10_000, description="HNSW: breadth of a search, at least `dense_depth`; none: the index' own"
    )
    fusion: Literal["rrf", "weighted"] = Field(
        "rrf", description="`rrf`: reciprocal ranks; `weighted`: weighted sum of normalised scores"
    )
    rrf_k: float = Field(60.0, gt=0, description="RRF: the larger, the less the first ranks count")
    weights: dict[str, float] = Field(
        default_factory=lambda: {"sparse": 1.0, "dense": 1.0}, description="weight of each arm in the fusion"
    )
    normalisation: Literal["minmax", "zscore", "max", "none"] = Field(
        "minmax", description="weighted: how an arm's scores are made comparable"
    )

    cold: Literal["never", "unsure", "always"] = Field(
        "never",
        exclude_if=lambda cold: cold == "never",  # so that a pipeline over one tier keeps its fingerprint
        description="when the cold tier is asked, which `quality.cold` keeps; `unsure`: where the dense scores of the "
        "best and the 100th hot passage differ by less than `cold_below`",
    )
    cold_below: float | None = Field(
        None,
        allow_inf_nan=False,
        exclude_if=lambda below: below is None,
        description="unsure: difference below which the hot tier is; `tamis prune gate` chooses it",
    )

    blend: str | None = Field(
        None,
        description="forest that orders the candidates by their features: `default` or `open`, which come with Tamis "
        "and learned from other collections (those of `open` may be used commercially); `index` for the one published "
        "in the index; a folder that `tamis train blend --out` wrote; or `none`",
    )
    blend_depth: int | None = Field(
        None, ge=1, le=20_000, description="candidates that the blend orders, the others are dropped; none: all"
    )
    rerank: str | None = Field(
        None,
        description="cross-encoder or monoT5 that reads the best candidates: an exported bundle, its folder, or `none`",
    )
    rerank_precision: Precision = Field(
        "fp32", description="`fp32` is exact; `int8` is faster on a CPU, `fp16` is for a GPU"
    )
    rerank_lossy: bool = Field(
        False, description="take a precision that `tamis model check` found significantly worse than fp32"
    )
    rerank_depth: int = Field(100, ge=1, le=10_000, description="candidates that it reads; the others stay below them")
    rerank_weights: dict[str, float] = Field(
        default_factory=lambda: {"rerank": 1.0},
        description="final score: its own, or a sum of standardised scores of `rerank`, `previous` and earlier stages",
    )

    @field_validator("blend", "rerank", mode="before")
    @classmethod
    def _none_is_none(cls, name: object) -> object:
        return None if name == "none" else name  # TOML has no null, and a named pipeline may want to do without

    @model_validator(mode="after")
    def _gate_fits(self) -> PipelineConfig:
        if self.cold != "unsure":  # cold_below may be there all the same: other pipelines inherit it
            return self
        if self.cold_below is None:
            raise ValueError('cold is "unsure" and needs cold_below; `tamis prune gate INDEX COLLECTION` chooses one')
        if "dense" not in self.retrievers:
            raise ValueError('cold is "unsure", which the dense arm\'s scores decide: add "dense" to retrievers')
        return self

    @model_validator(mode="after")
    def _mixture_fits(self) -> PipelineConfig:
        known = ("rerank", "previous", "fused", *self.retrievers, *(("blend",) if self.blend else ()))
        for name, weight in self.rerank_weights.items():
            if name not in known:
                raise ValueError(f"rerank_weights names {name!r}; the scores are {', '.join(known)}")
            if not -float("inf") < weight < float("inf"):
                raise ValueError(f"rerank_weights must give {name!r} a finite weight, got {weight}")
        if not self.rerank_weights.get("rerank"):
            raise ValueError("rerank_weights must give 'rerank' a weight; to do without it, leave out `rerank`")
        return self

    @model_validator(mode="after")
    def _weights_fit(self) -> PipelineConfig:
        for arm in self.retrievers:
            weight = self.weights.get(arm)
            if weight is None or not 0 <= weight < float("inf"):
                raise ValueError(f"weights must give {arm!r} a finite weight of 0 or more, got {weight}")
        if unknown := self.weights.keys() - set(get_args(Arm)):
            raise ValueError(f"weights names {sorted(unknown)}, the arms are {list(get_args(Arm))}")
        if len(set(self.retrievers)) != len(self.retrievers):
            raise ValueError(f"retrievers names an arm twice: {self.retrievers}")
        return self
