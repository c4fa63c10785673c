"""What answering costs: passages that models score, tokens that they read, CPU seconds."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from tamis.models.encoder import Encoder
from tamis.rankers.pipeline import Answer, Pipeline
from tamis.rankers.ranking import Query
from tamis.rankers.text_scorer import CountsTokens
from tamis.rankers.variants import SLOTS as RESCORERS


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one query; of a batch, each query bears an equal share of tokens and CPU seconds."""

    passages: float = 0.0
    tokens: float | None = 0.0
    """None: a model does not tell."""
    cpu_seconds: float = 0.0
    """Of the whole process: threads, and Java's, are in it."""


def mean_cost(costs: Iterable[Cost]) -> dict[str, float]:
    """Return means per query, as `metrics.json` names them."""
    known = list(costs)
    if not known:
        return {}
    found = {
        "passages_scored": float(np.mean([cost.passages for cost in known])),
        "cpu_seconds": float(np.mean([cost.cpu_seconds for cost in known])),
    }
    tokens = [cost.tokens for cost in known if cost.tokens is not None]
    return found | ({"tokens": float(np.mean(tokens))} if len(tokens) == len(known) else {})


@dataclass(frozen=True, slots=True)
class Reading:
    """Where the counters of a process and its models stand."""

    cpu_seconds: float
    tokens: int | None

    @staticmethod
    def take(models: Iterable[object]) -> Reading:
        """Read the clock of the process, and what models, or stages around them, have read so far."""
        counts = [model.tokens_read if isinstance(model, CountsTokens) else None for model in models]
        known = [count for count in counts if count is not None]
        return Reading(time.process_time(), sum(known) if len(known) == len(counts) else None)

    def since(self, earlier: Reading) -> Reading:
        """Return what was added since an earlier reading."""
        tokens = None if self.tokens is None or earlier.tokens is None else self.tokens - earlier.tokens
        return Reading(self.cpu_seconds - earlier.cpu_seconds, tokens)

    def plus(self, other: Reading) -> Reading:
        """Return the sum of two differences."""
        tokens = None if self.tokens is None or other.tokens is None else self.tokens + other.tokens
        return Reading(self.cpu_seconds + other.cpu_seconds, tokens)

    def and_tokens(self, tokens: int) -> Reading:
        """Return this with tokens that somebody else counted."""
        return self.plus(Reading(0.0, tokens))


def readers(pipeline: Pipeline) -> list[object]:
    """Return the rescorers that read text: the reranker always, the blend where it counts what it reads."""
    return [one for step, one in pipeline.rescorers.items() if reads_text(step, one)]


def reads_text(step: str, rescorer: object) -> bool:
    """Say whether a rescorer reads text: see `readers`."""
    return step != "blend" or isinstance(rescorer, CountsTokens)


def query_tokens(pipeline: Pipeline, encoder: Encoder, queries: Sequence[Query]) -> int:
    """Count the tokens that the encoder reads of the queries; none where no arm is dense."""
    if "dense" not in pipeline.retrievers:
        return 0
    settings = encoder.bundle.settings
    counts = encoder.token_count([settings.query_prefix + query.text for query in queries])
    return int(np.minimum(counts, settings.max_length).sum())


def passages_scored(answer: Answer, number: int) -> int:
    """Count the passages that rescorers scored for one query of a batch; NaN says that one was not scored."""
    found = {step: answer.stages[step][number] for step in RESCORERS if step in answer.stages}
    return sum(int(np.isfinite(ranking.features.get(step, ranking.scores)).sum()) for step, ranking in found.items())
