"""What may be tuned: every parameter of the search, and the pipeline that a set of values makes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tamis.rankers.config import PipelineConfig

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

DEPTHS = (10, 20, 50, 100, 200, 500, 1_000)
BREADTHS = (16, 32, 64, 128, 256, 512, 1_024)
RERANK_DEPTHS = (10, 20, 30, 50, 100, 200)
BLEND_DEPTHS = (20, 30, 50, 100, 200, None)
FUSIONS = ("rrf", "minmax", "zscore", "max", "none")
"""Reciprocal ranks, or a weighted sum by its normalisation."""


@dataclass(frozen=True, slots=True)
class Space:
    """Everything that may be tuned over one index; what is not, stays as in the base."""

    base: PipelineConfig
    depths: tuple[int, ...]
    breadths: tuple[int, ...]
    """Of searches through HNSW; none where search is exact."""

    @staticmethod
    def of(base: PipelineConfig, passages: int, is_exact: bool, least_depth: int) -> Space:
        """Say what can differ over an index.

        Args:
            base: the pipeline that is tuned.
            passages: how many the index has; deeper makes no difference.
            is_exact: vectors are searched one by one, so breadth means nothing.
            least_depth: candidates that every arm must hand on.
        """
        least = min(least_depth, passages)
        depths = (least, *(depth for depth in DEPTHS if least < depth <= passages))
        narrowest = max(least, BREADTHS[0])
        breadths = (narrowest, *(breadth for breadth in BREADTHS if breadth > narrowest))
        return Space(base, depths, () if is_exact else breadths)

    def corners(self) -> list[PipelineConfig]:
        """Return what is tried before the search: each arm alone, which has little to search, and both.

        The first three are the fastest there are.
        """
        least, deepest = self.depths[0], self.depths[-1]
        narrowest, *wider = self.breadths or (None,)
        both = ("sparse", "dense")
        return [
            self._first(retrievers=("sparse",), sparse_depth=least),
            self._first(retrievers=("dense",), dense_depth=least, breadth=narrowest),
            self._first(retrievers=both, sparse_depth=least, dense_depth=least, breadth=narrowest),
            *(self._first(retrievers=("dense",), dense_depth=least, breadth=breadth) for breadth in wider),
            self._first(retrievers=both, sparse_depth=deepest, dense_depth=deepest, breadth=(narrowest, *wider)[-1]),
        ]

    def suggest(self, trial: BaseTrial) -> PipelineConfig:
        """Let the search pick the parameters of both arms together, and make a pipeline of them.

        Where the base has a blend, that may be left out, or order fewer candidates. Where it has a second stage, that
        may be left out, read less deep, and have the scores of what comes before mixed into its own.
        """
        blending = self._blending(trial)
        return self._with(
            retrievers=("sparse", "dense"),
            sparse_depth=_rung(trial, "sparse_depth", self.depths),
            dense_depth=_rung(trial, "dense_depth", self.depths),
            breadth=_rung(trial, "breadth", self.breadths) if self.breadths else None,
            **_fusion(trial),
            **blending,
            **self._reranking(trial, blending.get("blend") is not None),
        )

    def _blending(self, trial: BaseTrial) -> dict[str, object]:
        if self.base.blend is None:
            return {}
        if not trial.suggest_categorical("blend", (True, False)):
            return {"blend": None, "blend_depth": None}
        depth = BLEND_DEPTHS[trial.suggest_int("blend_depth", 0, len(BLEND_DEPTHS) - 1)]
        return {"blend": self.base.blend, "blend_depth": depth}

    def _reranking(self, trial: BaseTrial, blended: bool) -> dict[str, object]:
        if self.base.rerank is None:
            return {}
        if not trial.suggest_categorical("rerank", (True, False)):
            return _UNREAD
        deepest = self.base.rerank_depth
        depth = _rung(trial, "rerank_depth", (*(step for step in RERANK_DEPTHS if step < deepest), deepest))
        earlier = ("dense", "sparse", *(("blend",) if blended else ()))
        # The order depends on ratios alone, so the model's own weight is 1.
        mixed = {arm: trial.suggest_float(f"rerank_{arm}", 0.0, 2.0, step=0.1) for arm in earlier}
        weights = {name: round(weight, 1) for name, weight in {"rerank": 1.0, **mixed}.items() if weight > 0}
        return {"rerank_depth": depth, "rerank_weights": weights}

    def _first(self, breadth: int | None = None, **changes: object) -> PipelineConfig:
        """Make a pipeline that ends with the first stage."""
        return self._with(breadth, **_ALONE, **changes)

    def _with(self, breadth: int | None = None, **changes: object) -> PipelineConfig:
        values = self.base.model_dump() | changes
        if breadth is not None:  # HNSW is never searched narrower than deep
            values["ef_search"] = max(breadth, values["dense_depth"])
        return PipelineConfig.model_validate(values)


_UNREAD: dict[str, object] = {"rerank": None, "rerank_weights": {"rerank": 1.0}}
_ALONE: dict[str, object] = {"blend": None, "blend_depth": None, **_UNREAD}
"""The first stage alone."""


def _fusion(trial: BaseTrial) -> dict[str, object]:
    kind = trial.suggest_categorical("fusion", FUSIONS)
    share = trial.suggest_float("dense_share", 0.0, 1.0, step=0.01)  # an order depends on the weights' ratio alone
    weights = {"sparse": round(1 - share, 2), "dense": round(share, 2)}
    if kind == "rrf":
        return {"fusion": "rrf", "weights": weights, "rrf_k": float(trial.suggest_int("rrf_k", 1, 200, log=True))}
    return {"fusion": "weighted", "weights": weights, "normalisation": kind}


def _rung(trial: BaseTrial, name: str, ladder: tuple[int, ...]) -> int:
    """Pick a step of a ladder by its place, so that the search knows which steps are neighbours."""
    return ladder[trial.suggest_int(name, 0, len(ladder) - 1)]
