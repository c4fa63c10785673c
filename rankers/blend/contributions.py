"""What each column adds to a forest's score: Shapley values over the paths of its trees.

Lundberg, Erion and Lee 2018, "Consistent Individualized Feature Attribution for Tree Ensembles", as LightGBM's
`pred_contrib` has it: a column that is not known is averaged out by the candidates that each branch had in training.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tamis.indexer.forward.compiled import compiled

from ..ranking import Scores
from .forest import DEFAULT_LEFT, MISSING_NAN, MISSING_ZERO, ZERO, Forest

Doubles = npt.NDArray[np.float64]


def contributions(forest: Forest, values: Scores) -> Doubles:
    """Split scores into what each column adds to the mean of the training: float64[n, features + 1], that mean last.

    A row's values sum up to its score, but for rounding.
    """
    out = np.zeros((len(values), forest.features + 1))
    for tree in range(forest.trees):
        nodes = slice(forest.roots[tree], forest.roots[tree + 1])
        leaves = slice(forest.leaf_starts[tree], forest.leaf_starts[tree + 1])
        children, counts = forest.children[nodes], forest.leaf_counts[leaves].astype(np.float64)
        cover = np.zeros(len(children))
        parent_of_node, parent_of_leaf = np.full(len(children), -1), np.full(len(counts), -1)
        for node in range(len(children) - 1, -1, -1):
            for child in children[node].tolist():
                if child < 0:
                    parent_of_leaf[-1 - child] = node
                    cover[node] += counts[-1 - child]
                else:
                    parent_of_node[child] = node
                    cover[node] += cover[child]
        out[:, -1] += counts @ forest.leaves[leaves] / counts.sum()
        if len(children):
            _add_tree(
                values, forest.column[nodes], forest.threshold[nodes], forest.decision[nodes], children,
                forest.leaves[leaves], counts, cover, parent_of_node, parent_of_leaf, out,
            )  # fmt: skip
    return out


@compiled
def _goes_left(value: np.float32, decision: np.int32, threshold: np.float64) -> bool:
    wide = np.float64(value)
    missing = decision >> 2 & 3
    if np.isnan(wide) and missing != MISSING_NAN:
        wide = np.float64(0.0)
    if (missing == MISSING_NAN and np.isnan(wide)) or (missing == MISSING_ZERO and abs(wide) <= ZERO):
        return bool(decision & DEFAULT_LEFT != 0)
    return bool(wide <= threshold)


@compiled
def _shapley(share: Doubles, passes: Doubles, one: int, ways: Doubles) -> float:
    """Weigh what the other columns of a path let pass, over all orders in which columns become known."""
    length = len(share)
    # ways[k]: sum over the sets of k other columns of what passes when these are known.
    ways[0] = 1.0
    size = 0
    for other in range(length):
        if other != one:
            ways[size + 1] = 0.0
            for k in range(size + 1, 0, -1):
                ways[k] = ways[k] * share[other] + ways[k - 1] * passes[other]
            ways[0] *= share[other]
            size += 1
    total, weight = 0.0, 1.0 / length  # k! (length - 1 - k)! / length!
    for k in range(length):
        total += weight * ways[k]
        if k + 1 < length:
            weight *= (k + 1) / (length - 1 - k)
    return total


@compiled
def _add_tree(
    values: Scores,
    column: npt.NDArray[np.int32],
    threshold: Doubles,
    decision: npt.NDArray[np.int32],
    children: npt.NDArray[np.int32],
    leaves: Doubles,
    counts: Doubles,
    cover: Doubles,
    parent_of_node: npt.NDArray[np.int64],
    parent_of_leaf: npt.NDArray[np.int64],
    out: Doubles,
) -> None:
    """Add one tree, leaf by leaf: on the path to a leaf, each column lets a share of the training's candidates pass."""
    most = len(column)
    names, share, passes = np.empty(most, np.int64), np.empty(most), np.empty(most)
    ways = np.empty(most + 1)
    for row in range(len(values)):
        for leaf in range(len(leaves)):
            length = 0
            child, node = -1 - leaf, parent_of_leaf[leaf]
            below = counts[leaf]
            while node >= 0:
                side = 0 if _goes_left(values[row, column[node]], decision[node], threshold[node]) else 1
                follows = children[node, side] == child
                place = 0
                while place < length and names[place] != column[node]:
                    place += 1
                if place == length:
                    names[place], share[place], passes[place] = column[node], 1.0, 1.0
                    length += 1
                share[place] *= below / cover[node]
                if not follows:
                    passes[place] = 0.0
                below, child, node = cover[node], node, parent_of_node[node]
            for one in range(length):
                total = _shapley(share[:length], passes[:length], one, ways)
                out[row, names[one]] += leaves[leaf] * (passes[one] - share[one]) * total
