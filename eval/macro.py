"""The macro average over evaluations of several collections: each counts the same, whatever its number of queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tamis.errors import InvalidInput

from .formats.bright import DOMAINS
from .metrics import Metrics


@dataclass(frozen=True, slots=True)
class Row:
    """Means of one evaluation."""

    name: str
    collection: str
    split: str
    queries: int
    means: dict[str, float]


@dataclass(frozen=True, slots=True)
class Macro:
    """Means of several evaluations, and the mean of the means."""

    rows: tuple[Row, ...]
    average: dict[str, float]
    """By measure, of those that all evaluations have."""
    missing: tuple[str, ...]
    """Of BRIGHT: domains of the twelve that are not among them."""
    warnings: tuple[str, ...]


def macro_average(evaluations: Sequence[Metrics]) -> Macro:
    """Average the means of evaluations by every measure that all have.

    Raises:
        InvalidInput: there is none, one split of a collection is there twice, or no measure is in all.
    """
    if not evaluations:
        raise InvalidInput("a macro average needs one evaluation or more")
    keys = [(one.collection, one.split) for one in evaluations]
    if twice := next((key for key in keys if keys.count(key) > 1), None):
        raise InvalidInput(f"{twice[0]}, {twice[1]} is there {keys.count(twice)} times and would count as often")
    measures = [name for name in evaluations[0].values if all(name in one.values for one in evaluations)]
    if not measures:
        raise InvalidInput(f"no measure is in all evaluations; the first has {', '.join(evaluations[0].values)}")
    rows = tuple(
        Row(one.name, one.collection, one.split, len(one.queries), {m: float(one.values[m].mean()) for m in measures})
        for one in evaluations
    )
    average = {measure: float(np.mean([row.means[measure] for row in rows])) for measure in measures}
    domains, variants = zip(*(row.split.partition("@")[::2] for row in rows), strict=True)
    is_bright = set(domains) <= set(DOMAINS)
    missing = tuple(domain for domain in DOMAINS if domain not in domains) if is_bright else ()
    warnings = []
    if missing:
        warnings.append(f"{len(missing)} of BRIGHT's {len(DOMAINS)} domains are missing: {', '.join(missing)}")
    if is_bright and len(set(variants)) > 1:
        warnings.append(f"queries or documents differ: {', '.join(sorted(row.split for row in rows))}")
    if (systems := len({_system(one) for one in evaluations})) > 1:
        warnings.append(f"{systems} systems of different pipelines or models made these evaluations")
    return Macro(rows, average, missing, tuple(warnings))


def _system(evaluation: Metrics) -> tuple[tuple[str, str], ...]:
    """Give the fingerprints of the pipeline and its models, but not those of index and collection."""
    found = sorted(evaluation.fingerprints.items())
    return tuple((name, value) for name, value in found if name == "pipeline" or name.endswith("_model"))
