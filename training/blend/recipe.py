"""BlendRecipe: everything that decides how a blend is trained, in one typed, frozen configuration."""

from __future__ import annotations

from pydantic import Field

from tamis.indexer.config import Section


class BlendRecipe(Section):
    """How a blend is trained."""

    queries: int = Field(4_000, ge=10, description="queries that are used, drawn at random where there are more")
    hard: int = Field(100, ge=1, description="negatives from the head of the fused list, where a ranking is decided")
    random: int = Field(50, ge=0, description="negatives drawn from the rest of the list")
    folds: int = Field(3, ge=2, description="parts of the queries, each held out once to choose by")
    leaves: tuple[int, ...] = Field(
        (7, 15), min_length=1, description="leaves of a tree that are tried; features are chosen with the first"
    )
    rounds: int = Field(150, ge=1, description="trees at most")
    patience: int = Field(25, ge=1, description="trees without a better value after which a trial ends")
    learning_rate: float = Field(0.1, gt=0, le=1, description="weight of each tree")
    least_in_leaf: int = Field(100, ge=1, description="candidates in a leaf at least")
    columns_per_tree: float = Field(0.1, gt=0, le=1, description="share of the features that a tree may use")
    rows_per_tree: float = Field(0.8, gt=0, le=1, description="share of the candidates that a tree learns from")
    shrinkage: float = Field(20.0, ge=0, description="L2 penalty on leaves")
    smoothing: float = Field(20.0, ge=0, description="how far a leaf is drawn towards its parent")
    cutoff: int = Field(30, ge=1, description="rank down to which the order of a list is learned")
    sizes: tuple[int, ...] = Field(
        (8, 16, 32, 64, 128), description="numbers of features that are tried in place of all"
    )
    tolerance: float = Field(0.002, ge=0, description="nDCG@10 that may be given up for fewer features")
    pairs: int = Field(
        10_000, ge=0, description="queries with relevant passages that translations are learned from; 0: none are"
    )
    threads: int = Field(0, ge=0, description="of training; 0: all there are")
    seed: int = Field(0, description="of all that is random")
