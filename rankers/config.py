"""Every value that shapes a pipeline, in one typed, frozen configuration."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import Field, model_validator

from tamis.indexer.config import Section

Arm = Literal["sparse", "dense"]


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
