"""Parity of scores: how far an exported scorer is from the model it came from, measured on real pairs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tamis.errors import BuildError

from .parity import sentences

Values = npt.NDArray[np.float64]

EXACT_DIFFERENCE = 1e-4
"""An fp32 export with a score further off than this is refused; of scores above 1, this share of the largest."""

RANK_CORRELATION = 0.8
"""An export in a lower precision with a mean rank correlation below this is refused: the model does not survive it."""

PASSAGES = 8
"""Passages that each query is paired with."""

QUERIES = (
    "how do i sort a dictionary by value",
    "What is the boiling point of water at high altitude?",
    "who wrote the origin of species",
    "parse the arguments of a command line program",
    "random numbers that are safe for passwords",
    "binary search in a sorted list",
    "copy a list so that changes do not show",
    "run functions in several threads",
    "read rows of a CSV file",
    "東京の人口",
    "",
)


def real_pairs() -> list[tuple[str, str]]:
    """Give queries with `PASSAGES` passages each, of varied length and script."""
    passages = sentences()
    step = len(passages) // PASSAGES
    return [
        (query, passages[(number + place * step) % len(passages)])
        for number, query in enumerate(QUERIES)
        for place in range(PASSAGES)
    ]


def compare_scores(pairs: Sequence[tuple[str, str]], found: Values, wanted: Values) -> dict[str, float]:
    """Compare two models' scores of the same pairs.

    Returns:
        `pairs`; `difference_max` and `difference_mean` of scores, absolute; `score_max`, the largest magnitude of
        the wanted scores; `spearman` and `kendall`, the rank correlations of each query's passages, averaged.
    """
    from scipy.stats import kendalltau, spearmanr

    apart = np.abs(found - wanted)
    groups: dict[str, list[int]] = {}
    for place, (query, _) in enumerate(pairs):
        groups.setdefault(query, []).append(place)
    # A correlation is not defined where all scores are equal.
    spread = [places for places in groups.values() if np.ptp(wanted[places]) > 0 and np.ptp(found[places]) > 0]
    spearman = [float(spearmanr(found[places], wanted[places]).statistic) for places in spread]
    kendall = [float(kendalltau(found[places], wanted[places]).statistic) for places in spread]
    values = {
        "difference_max": float(apart.max()),
        "difference_mean": float(apart.mean()),
        "score_max": float(np.abs(wanted).max()),
        "spearman": float(np.mean(spearman)) if spread else 0.0,
        "kendall": float(np.mean(kendall)) if spread else 0.0,
    }
    return {"pairs": float(len(pairs)), **{name: round(value, 8) for name, value in values.items()}}


def check_scores(parity: dict[str, float], precision: str, name: str) -> None:
    """Refuse an export that is not the model it came from.

    Raises:
        BuildError: scores are further off than this precision may be.
    """
    if precision == "fp32":
        key, limit = "difference_max", EXACT_DIFFERENCE * max(1.0, parity["score_max"])
        good = parity[key] <= limit
        wanted = f"at most {limit:.1e}"
    else:
        key, good = "spearman", parity["spearman"] >= RANK_CORRELATION
        wanted = f"at least {RANK_CORRELATION}"
    if not good:
        raise BuildError(
            f"the {precision} export of {name} is not its source: {key} is {parity[key]}, expected {wanted}; "
            "nothing was written. This architecture may need another version of torch or transformers, or layers "
            "that stay fp32"
        )
